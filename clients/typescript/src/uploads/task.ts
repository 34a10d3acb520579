import type { Context } from "../context.js";
import { cancelled, isGone, isResumable, throwIfAborted, toUploaderError, UploaderError } from "../errors.js";
import { factsOf, openFile, type Source } from "../files/source.js";
import { Patience } from "../http/retry.js";
import { findAnnounced, removeUpload, uploadDirectly, type Announcement, type UploadRecord } from "./announced.js";
import { Deferred } from "./deferred.js";
import type { Transfer } from "./direct.js";
import { createEntry, validateSame, type JournalEntry } from "./journal.js";
import { createKey } from "./key.js";
import type { UploadOptions, UploadState } from "./options.js";
import { goesThroughServer, mayChangeRoute, nameOf, planDirect, planThroughServer } from "./plan.js";
import { ProgressMeter, type UploadProgress } from "./progress.js";
import { StorageUnreachable } from "./routes.js";
import { sendThroughServer } from "./whole.js";

const CONCURRENCY = 3;
/** The service has files from this size on sent in parts. */
const SMALLEST_IN_PARTS_BYTES = 16 * 1024 * 1024;

/** The upload of one file, as `client.upload` returns it. Every method may be called at any time. */
export class UploadTask {
  /** The Idempotency-Key of the upload. */
  key: string;
  state: UploadState = "queued";
  /** The last progress that `onProgress` got. */
  progress: UploadProgress;
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
  private source: Source | undefined;
  private announcement: Announcement | undefined;

  /** @internal */
  constructor(
    private readonly context: Context,
    private file: unknown,
    readonly options: UploadOptions,
    private entry?: JournalEntry,
  ) {
    this.key = entry?.key ?? options.key ?? createKey();
    const { name, size = 0 } = factsOf(file);
    this.fileName = entry?.fileName ?? options.fileName ?? name;
    this.progress = { sentBytes: 0, storedBytes: 0, totalBytes: entry?.size ?? size, attempt: 1 };
    const { signal } = options;
    // If S3 cannot be told, the parts that have arrived expire there.
    const cancel = () => void this.cancel().catch(() => undefined);
    if (signal?.aborted) cancel();
    else signal?.addEventListener("abort", cancel, { once: true });
  }

  /** Requests to S3 that the upload sends at once. A file whose size is not known yet may be large. */
  get requestsAtOnce(): number {
    const { totalBytes } = this.progress;
    const isSmall = totalBytes > 0 && totalBytes < SMALLEST_IN_PARTS_BYTES;
    return isSmall && this.options.via !== "parts" ? 1 : this.concurrency;
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

  /** Write a queued upload down, so that a kill does not lose it. */
  async remember(): Promise<void> {
    const { size, ...facts } = factsOf(this.file);
    if (this.state !== "queued" || this.entry || size === undefined) return;
    this.context.live.add(this.key);
    await this.context.journal.save(createEntry(this.key, this.options, { ...facts, size }));
  }

  /** Stop sending. S3 keeps the parts that have arrived. */
  pause(): void {
    if (this.record || ["failed", "cancelled", "paused"].includes(this.state)) return;
    this.enter("paused");
    this.abort.abort();
  }

  /** Resume after a pause or a failure. Pass the same file again if its old handle does not work any more. */
  resume(file?: unknown): void {
    if (this.state !== "paused" && this.state !== "failed") return;
    this.renew();
    this.run(file);
  }

  /** Resume after a pause or a failure in its turn in the queue. */
  enqueue(): void {
    if (this.state !== "paused" && this.state !== "failed") return;
    this.renew();
    this.enter("queued");
  }

  private renew(): void {
    if (this.state === "failed") this.ended.renew();
    this.error = undefined;
  }

  /** Stop for good, and remove the parts from S3. `result` rejects with `cancelled`. */
  async cancel(): Promise<void> {
    if (["stored", "cancelled"].includes(this.state)) return;
    this.enter("cancelled");
    this.abort.abort();
    await this.running;
    this.ended.reject(cancelled());
    await this.forget();
    const id = this.entry?.id ?? (await findAnnounced(this.context, this.key, this.announcement));
    if (id) await removeUpload(this.context, id);
  }

  private run(file?: unknown): void {
    const earlier = this.running;
    const { signal } = (this.abort = new AbortController());
    this.context.live.add(this.key);
    this.running = (async () => {
      await earlier;
      try {
        if (file !== undefined) await this.replaceFile(file);
        throwIfAborted(signal);
        const record = await this.upload(signal);
        throwIfAborted(signal);
        await this.finish(record);
      } catch (error) {
        if (!signal.aborted) await this.fail(error, signal);
      }
    })();
    // Listeners may start other uploads, which come after this one.
    this.enter("preparing");
  }

  private async replaceFile(file: unknown): Promise<void> {
    await this.close();
    this.file = file;
  }

  private async upload(signal: AbortSignal): Promise<UploadRecord> {
    // The copy of a stream or a piped file stays open during a pause: it cannot be made twice. Others may have changed.
    if (!this.source?.close) this.source = await openFile(this.file, this.context.adapter);
    const { source } = this;
    // Without an id the client has never had a URL, so S3 holds nothing.
    const isNew = !this.entry?.id && !this.options.key;
    await this.note(source);
    this.progress = { ...this.progress, totalBytes: source.size };
    this.notify(); // A queue may have waited for the size.
    return this.send(this.transferOf(source, signal), isNew);
  }

  private get concurrency(): number {
    return this.options.concurrency ?? CONCURRENCY;
  }

  private async close(): Promise<void> {
    const { source } = this;
    this.source = undefined;
    await source?.close?.();
  }

  private async send(transfer: Transfer, isNew: boolean): Promise<UploadRecord> {
    if (this.entry?.throughServer) return this.sendThroughServer(transfer);
    const { signal } = transfer;
    this.announcement = await planDirect(this.options, transfer.source);
    const steps = {
      key: this.key,
      announcement: this.announcement,
      isNew,
      onStarted: async (id: string) => {
        await this.change({ id });
        this.advance(signal, "uploading");
      },
      onCompleting: () => this.advance(signal, "completing"),
    };
    try {
      return await uploadDirectly(transfer, steps);
    } catch (error) {
      if (error instanceof StorageUnreachable) {
        if (this.entry?.id) await removeUpload(transfer, this.entry.id);
        await this.change({ throughServer: true });
        return this.sendThroughServer(transfer);
      }
      if (isNew || !isGone(error)) throw error;
      await this.startAnew();
      return this.send(transfer, true);
    }
  }

  private async sendThroughServer(transfer: Transfer): Promise<UploadRecord> {
    this.advance(transfer.signal, "uploading");
    return sendThroughServer(transfer, await planThroughServer(this.options, transfer.source, this.key));
  }

  private transferOf(source: Source, signal: AbortSignal): Transfer {
    const { connectivity, patienceSeconds, ...shared } = this.context;
    this.meter ??= new ProgressMeter(source.size, (progress) => this.report(progress));
    const onWait = (waits: boolean, cause: unknown) => {
      if (!signal.aborted) this.noteWait(waits, cause);
    };
    return {
      ...shared,
      source,
      meter: this.meter,
      patience: new Patience(connectivity, patienceSeconds, onWait),
      signal,
      concurrency: this.concurrency,
      mayChangeRoute: mayChangeRoute(this.options),
    };
  }

  /** Write the upload down before the first request: a kill between the two must not lose it. */
  private async note(source: Source): Promise<void> {
    if (this.entry) validateSame(this.entry, source);
    this.fileName = nameOf(this.options, source);
    const entry = this.entry ?? createEntry(this.key, this.options, source);
    this.entry = { ...entry, throughServer: goesThroughServer(this.options, entry, this.context) };
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
    this.context.live.delete(this.key);
    this.key = createKey();
    this.context.live.add(this.key);
    const { id: _, ...entry } = this.entry ?? ({} as JournalEntry);
    this.entry = { ...entry, key: this.key };
    await this.context.journal.save(this.entry);
  }

  private async forget(): Promise<void> {
    this.context.live.delete(this.key);
    await this.context.journal.remove(this.key);
    await this.close();
  }

  private async finish(record: UploadRecord): Promise<void> {
    this.record = record; // From here on, a pause comes too late.
    await this.forget();
    if (this.state === "cancelled") return;
    this.meter?.confirm(record.size ?? 0);
    this.meter?.flush();
    this.enter("stored");
    this.ended.resolve(record);
  }

  private async fail(error: unknown, signal: AbortSignal): Promise<void> {
    const cause = toUploaderError(error);
    this.meter?.flush();
    // If that fails as well, `pending()` lists the upload, and this error is the one to show.
    if (!isResumable(cause)) await this.forget().catch(() => undefined);
    if (signal.aborted) return;
    this.context.live.delete(this.key);
    this.error = cause;
    this.record = undefined;
    this.enter("failed");
    this.ended.reject(cause);
  }

  private noteWait(waits: boolean, cause: unknown): void {
    if (waits && this.state !== "waiting") this.beforeWait = this.state;
    this.error = waits ? toUploaderError(cause) : undefined;
    this.enter(waits ? "waiting" : this.beforeWait);
  }

  private report(progress: UploadProgress): void {
    this.progress = progress;
    this.options.onProgress?.(progress);
    this.notify();
  }

  /** Enter a state, unless a pause or the end came first. */
  private advance(signal: AbortSignal, state: UploadState): void {
    if (!signal.aborted) this.enter(state);
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
