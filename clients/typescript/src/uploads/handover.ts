import type { Context } from "../context.js";
import { isGone, isResumable, toUploaderError, UploaderError } from "../errors.js";
import { openFile, type Source } from "../files/source.js";
import { Patience } from "../http/retry.js";
import { announce, complete, type UploadRecord } from "./announced.js";
import { createEntry } from "./journal.js";
import { createKey } from "./key.js";
import type { UploadOptions } from "./options.js";
import { planDirect } from "./plan.js";

/** A request that a native uploader sends unchanged, with the bytes of the file as its body. */
export interface HandedOver {
  /** The id of the record, for `settle`. */
  uploadId: string;
  /** The Idempotency-Key. `handOver` with the same key and file returns a fresh URL. */
  key: string;
  /** `PUT`. */
  method: string;
  url: string;
  /** Headers that the URL signs, such as `Content-Type`. Send them as they are. */
  headers: Record<string, string>;
  /** ISO 8601: the transfer has to begin before. */
  expiresAt: string;
}

/** Announce a file to be sent in one request by something else than this client. */
export async function handOver(context: Context, file: unknown, options: UploadOptions): Promise<HandedOver> {
  const source = await openFile(file, context.adapter, Infinity);
  try {
    return await announceWhole(context, source, options);
  } finally {
    await source.close?.();
  }
}

async function announceWhole(context: Context, source: Source, options: UploadOptions): Promise<HandedOver> {
  const { connectivity, journal, patienceSeconds, service } = context;
  const { key = createKey(), signal } = options;
  const put = { ...options, via: "put" } as const;
  const announcement = await planDirect(put, source);
  const entry = { ...createEntry(key, put, source), handedOver: true };
  await journal.save(entry);
  try {
    const patience = new Patience(connectivity, patienceSeconds);
    const { id, transfer } = await announce({ service, patience, signal }, key, announcement);
    await journal.save({ ...entry, id });
    if (transfer?.strategy !== "put") throw storedAlready();
    const { expires_at, headers, method, url } = transfer;
    return { uploadId: id, key, method, url, headers, expiresAt: expires_at };
  } catch (error) {
    if (!isResumable(toUploaderError(error))) await journal.remove(key);
    throw error;
  }
}

function storedAlready(): UploaderError {
  return new UploaderError("file_exists", "This upload is stored already: `records()` lists it.", { status: 409 });
}

/** Complete an upload that was handed over, and forget it. */
export async function settle(
  context: Context,
  uploadId: string,
  signal: AbortSignal | undefined,
): Promise<UploadRecord> {
  try {
    const record = await complete({ ...context, signal }, uploadId);
    await forget(context, uploadId);
    return record;
  } catch (error) {
    if (isGone(error)) await forget(context, uploadId);
    throw error;
  }
}

async function forget({ journal }: Context, uploadId: string): Promise<void> {
  const entries = await journal.list();
  await Promise.all(entries.filter(({ id }) => id === uploadId).map(({ key }) => journal.remove(key)));
}
