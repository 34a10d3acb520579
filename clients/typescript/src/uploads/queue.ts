import type { UploadProgress } from "./progress.js";
import type { UploadTask } from "./task.js";

/** Options of a queue. */
export interface QueueOptions {
  /** Files sent at once. Default: 2. */
  files?: number;
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

const FILES_AT_ONCE = 2;
const INTERVAL_MILLISECONDS = 100;
const ENDED = ["stored", "failed", "cancelled"];

/** Several uploads in order, a fixed number at once. */
export class UploadQueue {
  /** The uploads, in order. */
  readonly tasks: UploadTask[] = [];
  private readonly atOnce: number;
  private readonly listeners = new Set<(totals: QueueTotals) => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private waiters: (() => void)[] = [];
  private isHeld = false;

  constructor({ files = FILES_AT_ONCE, onChange }: QueueOptions = {}) {
    this.atOnce = files;
    if (onChange) this.listeners.add(onChange);
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
      task.subscribe(() => this.changed());
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

  private startNext(): void {
    const busy = this.tasks.filter((task) => ![...ENDED, "queued", "paused"].includes(task.state)).length;
    const next = this.tasks.filter((task) => task.state === "queued").slice(0, Math.max(0, this.atOnce - busy));
    for (const task of next) task.start();
  }

  private changed(): void {
    if (!this.isHeld) this.startNext();
    for (const wake of this.waiters.splice(0)) wake();
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      for (const listener of this.listeners) listener(this.totals);
    }, INTERVAL_MILLISECONDS);
  }
}
