import type { Context } from "../context.js";
import { cancelled, isGone, isResumable, toUploaderError, UploaderError } from "../errors.js";
import { openFile, type Source } from "../files/source.js";
import { Patience } from "../http/retry.js";
import { uploadDirectly, type Announcement, type UploadRecord } from "./announced.js";
import { readChecksum } from "./checksum.js";
import { Deferred } from "./deferred.js";
import type { Transfer } from "./direct.js";
import type { JournalEntry } from "./journal.js";
import { createKey } from "./key.js";
import type { UploadOptions, UploadState } from "./options.js";
import { ProgressMeter, type UploadProgress } from "./progress.js";
import { StorageUnreachable } from "./routes.js";
import { sendThroughServer } from "./whole.js";

const CONCURRENCY = 3;
const NOTHING: UploadProgress = { sentBytes: 0, storedBytes: 0, totalBytes: 0, attempt: 1 };

/** The upload of one file, as `client.upload` returns it. Every method may be called at any time. */
export class UploadTask {
  /** The Idempotency-Key of the upload. */
  key: string;
  state: UploadState = "queued";
  /** The last progress that `onProgress` got. */
  progress: UploadProgress = NOTHING;
  /** The name of the file, once it is known. */
  fileName: string | undefined;
  /** The error of a failed upload, or the reason for which it waits. */
  error: UploaderError | undefined;
  /** The record, once the upload is `stored`. */
  record: UploadRecord | undefined;

  private readonly listeners = new Set<() => void>();
  private readonly ended = new Deferred<UploadRecord>();
  private abort = new AbortController();
  private running: Promise<void> | undefined;
  private beforeWait: UploadState = "uploading";
  private meter: ProgressMeter | undefined;

  /** @internal */
  constructor(
    private readonly context: Context,
    private file: unknown,
    readonly options: UploadOptions,
    private entry?: JournalEntry,
  ) {
    this.key = entry?.key ?? options.key ?? createKey();
    this.fileName = entry?.fileName ?? options.fileName;
    const { signal } = options;
    if (signal?.aborted) void this.cancel();
    else signal?.addEventListener("abort", () => void this.cancel(), { once: true });
  }

  /** The verified record. Rejects with an `UploaderError` if the upload fails or is cancelled. */
  get result(): Promise<UploadRecord> {
    return this.ended.promise;
  }

  /** Call `listener` after each change of state or progress. Returns a function that unsubscribes. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Start a queued upload. */
  start(): void {
    if (this.state === "queued") this.run();
  }

  /** Stop sending. S3 keeps the parts that have arrived; the service waits a day for the next one. */
  pause(): void {
    if (["stored", "failed", "cancelled", "paused"].includes(this.state)) return;
    this.enter("paused");
    this.abort.abort();
  }

  /** Resume after a pause or a failure. Pass the same file again if its old handle does not work any more. */
  resume(file?: unknown): void {
    if (this.state !== "paused" && this.state !== "failed") return;
    if (file !== undefined) this.file = file;
    if (this.state === "failed") this.ended.renew();
    this.error = undefined;
    this.run();
  }

  /** Stop for good, and remove the parts from S3. `result` rejects with `cancelled`. */
  async cancel(): Promise<void> {
    if (["stored", "cancelled"].includes(this.state)) return;
    this.enter("cancelled");
    this.abort.abort();
    await this.running;
    this.ended.reject(cancelled());
    await this.context.journal.remove(this.key);
    if (this.entry?.id) await this.remove(this.entry.id);
  }

  private run(): void {
    const earlier = this.running;
    const abort = (this.abort = new AbortController());
    this.enter("preparing");
    this.running = (async () => {
      await earlier;
      try {
        if (!abort.signal.aborted) this.finish(await this.upload(abort.signal));
      } catch (error) {
        if (!abort.signal.aborted) await this.fail(error);
      }
    })();
  }

  private async upload(signal: AbortSignal): Promise<UploadRecord> {
    const source = await openFile(this.file, this.context.adapter);
    try {
      const isNew = !this.entry && !this.options.key;
      await this.note(source);
      return await this.send(this.transferOf(source, signal), isNew);
    } finally {
      await source.close?.();
    }
  }

  private async send(transfer: Transfer, isNew: boolean): Promise<UploadRecord> {
    if (this.goesThroughServer()) return this.sendThroughServer(transfer);
    const steps = {
      key: this.key,
      announcement: await this.announcementOf(transfer.source),
      isNew,
      onStarted: async (id: string) => {
        await this.change({ id });
        this.enter("uploading");
      },
      onCompleting: () => this.enter("completing"),
    };
    try {
      return await uploadDirectly(transfer, steps);
    } catch (error) {
      if (error instanceof StorageUnreachable) {
        if (this.entry?.id) await this.remove(this.entry.id);
        return this.sendThroughServer(transfer);
      }
      if (isNew || !isGone(error)) throw error;
      await this.startAnew();
      return this.send(transfer, true);
    }
  }

  private goesThroughServer(): boolean {
    const { overwrite, via = "auto" } = this.options;
    if (this.entry?.throughServer || via === "server" || overwrite) return true;
    return via === "auto" && this.context.routes.throughServer;
  }

  private async sendThroughServer(transfer: Transfer): Promise<UploadRecord> {
    await this.change({ throughServer: true });
    this.enter("uploading");
    const { source } = transfer;
    const { bucket, overwrite = false } = this.options;
    const checksum = await readChecksum(source, this.options.checksum);
    const contentType = this.options.contentType ?? (source.type || "application/octet-stream");
    // The key of the direct upload stands for another request: the service would refuse it.
    const key = `${this.key}:server`;
    return sendThroughServer(transfer, {
      bucket,
      fileName: this.nameOf(source),
      contentType,
      overwrite,
      key,
      checksum,
    });
  }

  private async announcementOf(source: Source): Promise<Announcement> {
    const { bucket, contentType, userId, via } = this.options;
    const checksum = await readChecksum(source, this.options.checksum);
    const type = contentType ?? source.type;
    return {
      bucket,
      file_name: this.nameOf(source),
      size: source.size,
      strategy: via === "parts" ? "multipart" : via === "put" ? "put" : "auto",
      ...(type ? { content_type: type } : {}),
      ...(checksum ? { checksum_sha256: checksum } : {}),
      ...(userId ? { user_id: userId } : {}),
    };
  }

  private transferOf(source: Source, signal: AbortSignal): Transfer {
    const { connectivity, patienceSeconds, routes, service, stallSeconds, transport } = this.context;
    this.meter ??= new ProgressMeter(source.size, (progress) => this.report(progress));
    const { concurrency = CONCURRENCY, via = "auto" } = this.options;
    return {
      source,
      service,
      transport,
      routes,
      meter: this.meter,
      patience: new Patience(connectivity, patienceSeconds, (waits, cause) => this.noteWait(waits, cause)),
      signal,
      stallSeconds,
      concurrency,
      mayChangeRoute: via === "auto",
    };
  }

  private nameOf(source: Source): string {
    return this.options.fileName ?? (source.name || "file");
  }

  /** Write the upload down before the first request: a kill between the two must not lose it. */
  private async note(source: Source): Promise<void> {
    if (this.entry && this.entry.size !== source.size) {
      const message = `This file has ${source.size} bytes, the one whose upload began had ${this.entry.size}. Choose the same file, or start a new upload.`;
      throw new UploaderError("file_changed", message);
    }
    this.fileName = this.nameOf(source);
    this.entry ??= {
      key: this.key,
      bucket: this.options.bucket,
      fileName: this.fileName,
      size: source.size,
      contentType: this.options.contentType ?? source.type,
      startedAt: new Date().toISOString(),
      ...(source.uri ? { uri: source.uri } : {}),
    };
    await this.context.journal.save(this.entry);
  }

  private async change(changes: Partial<JournalEntry>): Promise<void> {
    if (!this.entry) return;
    this.entry = { ...this.entry, ...changes };
    await this.context.journal.save(this.entry);
  }

  /** The service has forgotten the upload, for example after a week: send the file under a new key. */
  private async startAnew(): Promise<void> {
    await this.context.journal.remove(this.key);
    this.key = createKey();
    const { id: _, ...entry } = this.entry ?? ({} as JournalEntry);
    this.entry = { ...entry, key: this.key };
    await this.context.journal.save(this.entry);
  }

  private async remove(id: string): Promise<void> {
    try {
      await this.context.service.call("DELETE", `uploads/${id}/`);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  private finish(record: UploadRecord): void {
    this.record = record;
    this.meter?.confirm(record.size ?? 0);
    this.meter?.flush();
    void this.context.journal.remove(this.key);
    this.enter("stored");
    this.ended.resolve(record);
  }

  private async fail(error: unknown): Promise<void> {
    const cause = toUploaderError(error);
    this.error = cause;
    this.meter?.flush();
    if (!isResumable(cause)) await this.context.journal.remove(this.key);
    this.enter("failed");
    this.ended.reject(cause);
  }

  private noteWait(waits: boolean, cause: unknown): void {
    if (["paused", "cancelled"].includes(this.state)) return;
    if (waits && this.state !== "waiting") this.beforeWait = this.state;
    this.error = waits ? toUploaderError(cause) : undefined;
    this.enter(waits ? "waiting" : this.beforeWait);
  }

  private report(progress: UploadProgress): void {
    this.progress = progress;
    this.options.onProgress?.(progress);
    this.notify();
  }

  private enter(state: UploadState): void {
    if (this.state === state) return;
    this.state = state;
    this.options.onState?.(state);
    this.notify();
  }

  private notify(): void {
    for (const listener of this.listeners) listener();
  }
}
