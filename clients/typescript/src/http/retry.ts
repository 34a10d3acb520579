import { throwIfAborted, UploaderError } from "../errors.js";
import type { Connectivity } from "./connectivity.js";

const FIRST_WAIT_SECONDS = 0.5;
const LONGEST_WAIT_SECONDS = 30;
/** Attempts beyond this one wait as long: 0.5 s doubled six times exceeds the longest wait. */
const LAST_DOUBLING = 6;

/** How long a client waits between attempts, and when it gives up. */
export class Patience {
  private attempt = 0;

  /** `failingSince`: milliseconds of the clock from which time counts; by default those of the first failure. */
  constructor(
    private readonly connectivity: Connectivity,
    private readonly seconds: number,
    private readonly onWait: (waits: boolean, cause: unknown) => void = () => undefined,
    private failingSince?: number,
  ) {}

  /** Note that the other side answered as it should. */
  succeeded(): void {
    this.attempt = 0;
    this.failingSince = undefined;
  }

  /**
   * Wait before the next attempt: until the device is online, then a random time up to a doubling bound (full jitter,
   * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), and at least `retryAfter` seconds.
   *
   * `attempt` counts the failures of this request from 0; by default all since the last success.
   *
   * Throws `connection_lost`, or the service's own error, once nothing has succeeded since the first failure for as
   * long as the app allows, and at once if `retryAfter` is longer. Neither time offline nor time in which the device
   * had suspended the app counts.
   */
  async wait(cause: unknown, signal: AbortSignal | undefined, retryAfter = 0, attempt = this.attempt++): Promise<void> {
    this.failingSince ??= Date.now();
    const seconds = (Date.now() - this.failingSince) / 1000 + retryAfter;
    if (this.connectivity.isOnline() && seconds >= this.seconds) throw giveUp(cause);
    const bound = Math.min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** Math.min(attempt, LAST_DOUBLING));
    this.onWait(true, cause);
    try {
      await this.waitUntilOnline(signal);
      await this.sleep(retryAfter + Math.random() * bound, signal, retryAfter ? undefined : this.connectivity);
    } finally {
      this.onWait(false, cause);
    }
  }

  private async waitUntilOnline(signal: AbortSignal | undefined): Promise<void> {
    while (!this.connectivity.isOnline()) {
      await sleep(1000 * LONGEST_WAIT_SECONDS, signal, this.connectivity);
      this.failingSince = Date.now();
    }
  }

  private async sleep(seconds: number, signal: AbortSignal | undefined, connectivity?: Connectivity): Promise<void> {
    const end = Date.now() + seconds * 1000;
    await sleep(seconds * 1000, signal, connectivity);
    if (this.failingSince !== undefined) this.failingSince += Math.max(0, Date.now() - end);
  }
}

function giveUp(cause: unknown): UploaderError {
  const message = "The network failed too long. Resume later.";
  return cause instanceof UploaderError ? cause : new UploaderError("connection_lost", message, { cause });
}

/** Wait until the time is over or the network comes back. Throws once `signal` is aborted. */
export async function sleep(milliseconds: number, signal?: AbortSignal, connectivity?: Connectivity): Promise<void> {
  throwIfAborted(signal);
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      unsubscribe?.();
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    const unsubscribe = connectivity?.subscribe(end);
    signal?.addEventListener("abort", end);
  });
  throwIfAborted(signal);
}
