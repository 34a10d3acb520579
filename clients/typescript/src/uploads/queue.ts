import type { UploadProgress } from "./progress.js";
import type { UploadTask } from "./task.js";

/** Options of a queue. */
export interface QueueOptions {
  /**
   * Files sent at once. By default as many as make six requests at once: six files, or two of 16 MiB or more, which go in
   * three parts at once.
   */
  files?: number | undefined;
  /** Called after each change, at most every 100 ms. */
  onChange?: (totals: QueueTotals) => void;
}

/** Sums over all uploads of a queue. */
export interface QueueTotals extends Omit<UploadProgress, "attempt"> {
  /** Uploads of the queue, in any state. */
  files: number;
  storedFiles: number;
  failedFiles: number;
}

/**
 * Browsers open so many connections to one host (HTTP/1.1, as S3 speaks it). A request beyond them waits in the browser,
 * where nothing tells it from one that has stalled.
 */
const REQUESTS_AT_ONCE = 6;
const INTERVAL_MILLISECONDS = 100;
const ENDED = ["stored", "failed", "cancelled"];
const IDLE = [...ENDED, "queued", "paused"];

/** Several uploads in order, a fixed number at once. */
export class UploadQueue {
  /** The uploads, in order. */
  readonly tasks: UploadTask[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private waiters: (() => void)[] = [];
  private isHeld = false;
  // Kept up to date by each change of a task: a queue may hold thousands.
  private readonly busy = new Set<UploadTask>();

  private readonly listeners = new Set<(totals: QueueTotals) => void>();

  constructor(private readonly options: QueueOptions = {}) {
    if (options.onChange) this.listeners.add(options.onChange);
  }

  /** Call `listener` after each change, at most every 100 ms. Returns a function that unsubscribes. */
  subscribe(listener: (totals: QueueTotals) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Add uploads at the end. */
  add(...tasks: UploadTask[]): void {
    for (const task of tasks) {
      this.tasks.push(task);
      this.note(task);
      task.subscribe(() => {
        this.note(task);
        this.changed();
      });
      // Where nothing can be written down, the upload itself says so when it starts.
      task.remember().catch(() => undefined);
    }
    this.changed();
  }

  /** Move an upload that has not started to another place. */
  move(task: UploadTask, index: number): void {
    const place = this.tasks.indexOf(task);
    if (place < 0) return;
    this.tasks.splice(place, 1);
    this.tasks.splice(index, 0, task);
  }

  /** Pause each upload that has started, and start no other until `resume()`. */
  pause(): void {
    this.isHeld = true;
    for (const task of this.tasks) if (task.state !== "queued") task.pause();
  }

  /** Resume each upload that is paused or failed, in order, as many at once as before. */
  resume(): void {
    for (const task of this.tasks) task.enqueue();
    this.isHeld = false;
    this.changed();
  }

  /** Cancel each upload. */
  async cancel(): Promise<void> {
    this.isHeld = true;
    const cancelling = this.tasks.map((task) => task.cancel());
    this.isHeld = false;
    await Promise.all(cancelling);
  }

  /** Forget the uploads that are stored or cancelled, and the files that they hold. */
  clear(): void {
    const left = this.tasks.filter(({ state }) => state !== "stored" && state !== "cancelled");
    this.tasks.splice(0, this.tasks.length, ...left);
    this.changed();
  }

  get totals(): QueueTotals {
    const totals = { files: 0, storedFiles: 0, failedFiles: 0, sentBytes: 0, storedBytes: 0, totalBytes: 0 };
    for (const { progress, state } of this.tasks) {
      totals.files += 1;
      if (state === "stored") totals.storedFiles += 1;
      if (state === "failed") totals.failedFiles += 1;
      totals.sentBytes += progress.sentBytes;
      totals.storedBytes += progress.storedBytes;
      totals.totalBytes += progress.totalBytes;
    }
    return totals;
  }

  /** Wait until each upload is stored, failed or cancelled, and return all. Does not throw. */
  async finished(): Promise<UploadTask[]> {
    while (!this.tasks.every((task) => ENDED.includes(task.state))) {
      await new Promise<void>((resolve) => this.waiters.push(resolve));
    }
    return this.tasks;
  }

  private note(task: UploadTask): void {
    this.busy[IDLE.includes(task.state) ? "delete" : "add"](task);
    if (ENDED.includes(task.state)) for (const wake of this.waiters.splice(0)) wake();
  }

  private startNext(): void {
    for (;;) {
      const next = this.tasks.find((task) => task.state === "queued");
      if (!next || !this.hasRoomFor(next)) return;
      next.start();
    }
  }

  private hasRoomFor(next: UploadTask): boolean {
    const { files } = this.options;
    if (files !== undefined) return this.busy.size < files;
    let requests = next.requestsAtOnce;
    for (const task of this.busy) requests += task.requestsAtOnce;
    return !this.busy.size || requests <= REQUESTS_AT_ONCE;
  }

  private changed(): void {
    if (!this.isHeld) this.startNext();
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      for (const listener of this.listeners) listener(this.totals);
    }, INTERVAL_MILLISECONDS);
  }
}
