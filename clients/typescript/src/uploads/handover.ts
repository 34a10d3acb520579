import type { Context } from "../context.js";
import { UploaderError } from "../errors.js";
import { openFile } from "../files/source.js";
import { Patience } from "../http/retry.js";
import { announce, type UploadRecord } from "./announced.js";
import { createKey } from "./key.js";
import type { UploadOptions } from "./options.js";

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
  const { connectivity, journal, patienceSeconds, service } = context;
  const source = await openFile(file, context.adapter, Infinity);
  await source.close?.();
  const key = options.key ?? createKey();
  const fileName = options.fileName ?? (source.name || "file");
  const contentType = options.contentType ?? source.type;
  const { bucket, checksum, signal, userId } = options;
  const entry = { key, bucket, fileName, size: source.size, contentType, startedAt: new Date().toISOString() };
  await journal.save({ ...entry, handedOver: true });
  const started = await announce({ service, patience: new Patience(connectivity, patienceSeconds), signal }, key, {
    bucket,
    file_name: fileName,
    size: source.size,
    strategy: "put",
    ...(contentType ? { content_type: contentType } : {}),
    ...(typeof checksum === "string" && checksum !== "auto" ? { checksum_sha256: checksum } : {}),
    ...(userId ? { user_id: userId } : {}),
  });
  await journal.save({ ...entry, id: started.id, handedOver: true });
  if (started.transfer?.strategy !== "put") {
    throw new UploaderError("file_exists", "This upload is stored already: call settle() with its id.", {
      status: 409,
    });
  }
  const { expires_at, headers, method, url } = started.transfer;
  return { uploadId: started.id, key, method, url, headers, expiresAt: expires_at };
}

/** Complete an upload that was handed over, and forget it. */
export async function settle({ journal, service }: Context, uploadId: string): Promise<UploadRecord> {
  const record = await service.call<UploadRecord>("POST", `uploads/${uploadId}/complete/`);
  const entries = await journal.list();
  await Promise.all(entries.filter(({ id }) => id === uploadId).map(({ key }) => journal.remove(key)));
  return record;
}
