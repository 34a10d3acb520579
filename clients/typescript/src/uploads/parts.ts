import { UploaderError } from "../errors.js";
import { linkAbort, type LinkedAbort } from "../http/abort.js";
import { ask } from "../http/service.js";
import type { components } from "../schema.js";
import { refusedAgain, sendPiece, type Outcome, type Transfer } from "./direct.js";

type Schemas = components["schemas"];

/** Part URLs that one request signs. */
const BATCH = 50;
/** Parts that have to arrive before one more is sent at once again. */
const SUCCESSES_BEFORE_FASTER = 8;
/** Chunks that lie in memory while they are sent take at most this much together. */
const HELD_BYTES = 32 * 1024 * 1024;

/** Sends a file in parts, several at once, each until S3 has confirmed it. */
export class PartsUpload {
  private readonly urls = new Map<number, string>();
  private readonly active = new Set<Promise<void>>();
  private readonly abort: LinkedAbort;
  private readonly transfer: Transfer;
  private readonly most: number;
  private queue: number[] = [];
  private signing: Promise<void> | undefined;
  private limit: number;
  private successes = 0;
  private refusals = 0;

  constructor(
    transfer: Transfer,
    private readonly id: string,
    private readonly plan: Schemas["S3MultipartTransfer"],
  ) {
    this.abort = linkAbort(transfer.signal);
    this.transfer = { ...transfer, signal: this.abort.signal };
    const fitting = Math.floor(HELD_BYTES / plan.part_size);
    this.most = Math.max(
      1,
      transfer.source.holdsChunks ? Math.min(transfer.concurrency, fitting) : transfer.concurrency,
    );
    this.limit = this.most;
    this.keep(plan);
  }

  /** Send the parts that S3 does not hold. `isNew`: S3 holds none, so the client need not ask. */
  async run(isNew: boolean): Promise<void> {
    try {
      this.queue = isNew
        ? Array.from({ length: this.plan.part_count }, (_, index) => index + 1)
        : await this.askForMissing();
      this.transfer.meter.confirm(this.transfer.source.size - this.sizeOf(this.queue));
      while (this.queue.length || this.active.size) {
        while (this.queue.length && this.active.size < this.limit) this.launch(this.queue.shift() ?? 0);
        await Promise.race(this.active);
      }
    } finally {
      this.abort.unlink();
      this.abort.abort(); // One part that fails for good ends the others.
      await Promise.allSettled(this.active);
    }
  }

  private launch(part: number): void {
    const running = this.sendPart(part).finally(() => this.active.delete(running));
    this.active.add(running);
  }

  private async sendPart(part: number): Promise<void> {
    const size = this.sizeOf([part]);
    const url = await this.urlOf(part);
    const chunk = await this.transfer.source.read((part - 1) * this.plan.part_size, size);
    // React Native on Android refuses a body without a type; S3 does not sign this header of a part.
    const headers = { "Content-Type": "application/octet-stream" };
    await this.act(part, url, await sendPiece(this.transfer, { part, size, url, headers, chunk }));
  }

  private async act(part: number, url: string, outcome: Outcome): Promise<void> {
    if (outcome === "stored") this.speedUp();
    else if (outcome === "gone") await this.explainGone();
    else await this.sendAgain(part, url, outcome);
  }

  private async sendAgain(part: number, url: string, outcome: Outcome): Promise<void> {
    if (outcome === "expired") this.refuse(part, url);
    else this.slowDown();
    // A refusal can look like a lost connection: a server closes it early, or a browser hides the answer (CORS).
    if (outcome === "unknown") this.urls.delete(part);
    if (outcome === "unknown" && !(await this.askForMissing()).includes(part)) {
      this.transfer.meter.stored(part, this.sizeOf([part]));
    } else {
      this.queue.unshift(part);
    }
  }

  private speedUp(): void {
    this.refusals = 0;
    this.successes += 1;
    if (this.successes % SUCCESSES_BEFORE_FASTER === 0) this.limit = Math.min(this.most, this.limit + 1);
  }

  private slowDown(): void {
    this.successes = 0;
    this.limit = Math.max(1, Math.floor(this.limit / 2));
  }

  private refuse(part: number, url: string): void {
    this.refusals += 1;
    if (this.refusals > 2 * this.most) throw refusedAgain();
    if (this.urls.get(part) === url) this.urls.clear();
  }

  /** The upload expired or was completed by an earlier request: its record tells. */
  private async explainGone(): Promise<void> {
    const record = await ask<Schemas["S3Upload"]>(this.transfer, "GET", `uploads/${this.id}/`);
    if (record.status === "pending") {
      const message = "S3 forgot the upload. Start it again.";
      throw new UploaderError("upload_not_found", message, { status: 404 });
    }
    this.queue = [];
  }

  /** Bytes of these parts; the last part of the file is shorter. */
  private sizeOf(parts: number[]): number {
    const { part_count, part_size } = this.plan;
    const missing = part_count * part_size - this.transfer.source.size;
    return parts.length * part_size - (parts.includes(part_count) ? missing : 0);
  }

  private async askForMissing(): Promise<number[]> {
    return (await this.askForParts<Schemas["S3UploadProgress"]>("GET")).missing;
  }

  private askForParts<T>(method: string, json?: unknown): Promise<T> {
    return ask(this.transfer, method, `uploads/${this.id}/parts/`, { json });
  }

  private async urlOf(part: number): Promise<string> {
    for (;;) {
      const url = this.urls.get(part);
      if (url) return url;
      this.signing ??= this.sign(part).finally(() => (this.signing = undefined));
      await this.signing;
    }
  }

  private async sign(part: number): Promise<void> {
    const part_numbers = [part, ...this.queue.slice(0, BATCH - 1)];
    this.keep(await this.askForParts<Schemas["S3SignedParts"]>("POST", { part_numbers }));
    if (!this.urls.has(part)) throw new UploaderError("bad_answer", `No URL for part ${part}.`);
  }

  private keep(signed: Schemas["S3SignedParts"]): void {
    // The clock of a device may be wrong, so S3 alone decides whether a URL has expired.
    for (const { part_number, url } of signed.parts) this.urls.set(part_number, url);
  }
}
