/** The progress of an upload, in bytes. */
export interface UploadProgress {
  /** Bytes that left the device. Runs ahead of `storedBytes` by the parts on their way. */
  sentBytes: number;
  /** Bytes whose arrival S3 has confirmed. Never falls. */
  storedBytes: number;
  /** Bytes of the file. */
  totalBytes: number;
  /** Counts up when lost bytes are sent again. Only then `sentBytes` may fall. */
  attempt: number;
}

const INTERVAL_MILLISECONDS = 100;

/** Adds up the bytes of an upload, and reports each change, at most every 100 ms, and the last one in any case. */
export class ProgressMeter {
  private readonly underway = new Map<number, number>();
  private heldBytes = 0;
  private storedBytes = 0;
  private attempt = 1;
  private lastReport = 0;
  private reported = "";
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly totalBytes: number,
    private readonly report: (progress: UploadProgress) => void,
  ) {}

  /** Note how many bytes of a part left in this attempt. */
  sent(part: number, bytes: number): void {
    // A platform may count what waits in a buffer, and headers of a form.
    this.underway.set(part, Math.max(bytes, this.underway.get(part) ?? 0));
    this.changed();
  }

  /** Note that a part did not arrive: its bytes have to leave once more. */
  lost(part: number): void {
    if (!this.underway.get(part)) return;
    this.underway.delete(part);
    this.attempt += 1;
    this.changed();
  }

  /** Note that S3 holds a part. */
  stored(part: number, bytes: number): void {
    this.underway.delete(part);
    this.confirm(this.heldBytes + bytes);
  }

  /** Note that S3 holds this much. It may be less than before: a store can lose parts, and an upload expires. */
  confirm(bytes: number): void {
    this.heldBytes = bytes;
    this.storedBytes = Math.max(this.storedBytes, bytes);
    this.changed();
  }

  get value(): UploadProgress {
    const { attempt, storedBytes, totalBytes } = this;
    let sentBytes = this.heldBytes;
    for (const bytes of this.underway.values()) sentBytes += bytes;
    sentBytes = Math.max(storedBytes, Math.min(sentBytes, totalBytes));
    return { sentBytes, storedBytes, totalBytes, attempt };
  }

  /** Report what is not reported yet. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const value = this.value;
    const text = JSON.stringify(value);
    if (text === this.reported) return;
    this.reported = text;
    this.lastReport = Date.now();
    this.report(value);
  }

  private changed(): void {
    const wait = this.lastReport + INTERVAL_MILLISECONDS - Date.now();
    if (wait <= 0) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), wait);
  }
}
