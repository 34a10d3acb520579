import type { Service } from "../http/service.js";

/** Failures before the first byte, after which the client asks whether it is S3 or the network. */
const FAILURES_BEFORE_DOUBT = 3;

/** S3 cannot be reached from here although the service can: the file has to go through the service. */
export class StorageUnreachable extends Error {}

/** Remembers, for as long as the client lives, which hosts of S3 can be reached from this network. */
export class Routes {
  private readonly reached = new Set<string>();
  private readonly failures = new Map<string, number>();
  private unreachable = false;

  constructor(private readonly service: Service) {}

  /** True if a direct upload would fail. */
  get throughServer(): boolean {
    return this.unreachable;
  }

  /** Note that S3 answered, or took bytes. */
  note(url: string): void {
    this.reached.add(originOf(url));
  }

  /**
   * Take account of a request to S3 whose connection was lost.
   *
   * Throws `StorageUnreachable` if this host has never been reached, no byte left three times, and the service answers.
   */
  async doubt(url: string, sentBytes: number): Promise<void> {
    const origin = originOf(url);
    if (sentBytes || this.reached.has(origin)) return;
    const failures = (this.failures.get(origin) ?? 0) + 1;
    this.failures.set(origin, failures);
    if (failures < FAILURES_BEFORE_DOUBT || !(await this.serviceAnswers())) return;
    this.unreachable = true;
    throw new StorageUnreachable();
  }

  private async serviceAnswers(): Promise<boolean> {
    try {
      await this.service.call("GET", "health/live/", { repeatable: false });
      return true;
    } catch {
      return false; // Then it is the network, and the upload waits for it.
    }
  }
}

function originOf(url: string): string {
  return /^[a-z]+:\/\/[^/]+/i.exec(url)?.[0] ?? url;
}
