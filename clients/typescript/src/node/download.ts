import { createHash } from "node:crypto";
import { open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { UploaderError } from "../errors.js";
import { linkAbort } from "../http/abort.js";
import type { Connectivity } from "../http/connectivity.js";
import { Patience } from "../http/retry.js";
import { ConnectionError } from "../http/transport.js";
import type { PresignedUrl } from "../resources.js";

/** Options of a download. */
export interface DownloadOptions {
  /** Aborting it cancels the download. */
  signal?: AbortSignal;
  /** Called with the bytes on the disk, and the bytes of the whole file. */
  onProgress?: (progress: { receivedBytes: number; totalBytes: number }) => void;
}

/** Everything that the download of one file needs. */
export interface Download extends DownloadOptions {
  path: string;
  sign(patience: Patience): Promise<PresignedUrl>;
  connectivity: Connectivity;
  patienceSeconds: number;
  stallSeconds: number;
}

/** The bytes that have arrived. The ETag is in the name, so that bytes of another file are never joined to them. */
interface Part {
  path: string;
  etag: string;
  size: number;
}

const MOST_REFUSALS = 3;

/**
 * Save a file, and go on after any failure, also one of the process, from the bytes that have arrived.
 *
 * Until the file is whole, they lie beside it in `.download-<hash of the name>.<ETag>.part`. `If-Range` makes S3 send the
 * whole file if it has changed (https://www.rfc-editor.org/rfc/rfc9110#field.if-range).
 */
export async function downloadTo(download: Download): Promise<void> {
  const patience = new Patience(download.connectivity, download.patienceSeconds);
  for (let refusals = 0; ;) {
    try {
      const part = await receive(download, patience);
      await rename(part.path, download.path).catch(explain(part.path));
      return;
    } catch (error) {
      if (download.signal?.aborted) throw new UploaderError("cancelled", "The download was cancelled.");
      if (!isMendedByRepeating(error)) throw error;
      // A fresh URL mends 403; S3 does not forbid it again and again.
      if (error instanceof UploaderError && (refusals += 1) > MOST_REFUSALS && error.status === 403) throw error;
      await patience.wait(error, download.signal);
    }
  }
}

function isMendedByRepeating(error: unknown): boolean {
  if (error instanceof ConnectionError) return true;
  const { code, status } = error as UploaderError;
  return code === "storage_refused" && (status >= 500 || [403, 408, 416, 429].includes(status));
}

/** Receive the rest of the file, as one request brings it. */
async function receive(download: Download, patience: Patience): Promise<Part> {
  const { url } = await download.sign(patience);
  const part = await findPart(download.path);
  const watch = watchStalls(download);
  try {
    const response = await ask(url, part, watch.signal);
    if (response.status === 416 && part) return await endWhole(response, part);
    if (!response.ok) throw refused(response.status);
    const target = await openPart(download.path, response, part);
    await write(response, target, download, (bytes) => {
      if (bytes) patience.succeeded();
      watch.moved();
    });
    return target;
  } finally {
    watch.end();
  }
}

async function ask(url: string, part: Part | undefined, signal: AbortSignal): Promise<Response> {
  const range = part?.size && part.etag ? { Range: `bytes=${part.size}-`, "If-Range": part.etag } : {};
  // A compressed body would have another length.
  return await fetch(url, { headers: { "Accept-Encoding": "identity", ...range }, signal }).catch(lost);
}

/** S3 has no bytes behind the part: it is whole, or longer than the file is now. */
async function endWhole(response: Response, part: Part): Promise<Part> {
  const total = /\/(\d+)$/.exec(response.headers.get("Content-Range") ?? "")?.[1];
  if (total === String(part.size)) return part;
  await rm(part.path, { force: true });
  throw refused(416);
}

function refused(status: number): UploaderError {
  return new UploaderError("storage_refused", `S3 refuses the file with HTTP ${status}.`, { status });
}

async function findPart(path: string): Promise<Part | undefined> {
  const folder = dirname(path);
  const start = partStart(path);
  const names = await readdir(folder).catch(explain(folder));
  const name = names.find((name) => name.startsWith(start) && name.endsWith(".part"));
  if (!name) return undefined;
  const etag = Buffer.from(name.slice(start.length, -".part".length), "base64url").toString();
  const { size } = await stat(join(folder, name)).catch(explain(name));
  return { path: join(folder, name), etag, size };
}

/** A hash, since the name and an ETag together may be too long for a name. */
function partStart(path: string): string {
  return `.download-${createHash("sha256").update(basename(path)).digest("hex").slice(0, 16)}.`;
}

/** Return the part to which the response belongs: the one at hand if S3 sends the rest of it, or a new one. */
async function openPart(path: string, response: Response, part: Part | undefined): Promise<Part> {
  const etag = response.headers.get("ETag") ?? "";
  if (part && response.status === 206 && etag === part.etag) return part;
  if (part) await rm(part.path, { force: true });
  if (response.status === 206) throw new ConnectionError("S3 sent the rest of another file.");
  const name = `${partStart(path)}${Buffer.from(etag).toString("base64url")}.part`;
  return { path: join(dirname(path), name), etag, size: 0 };
}

async function write(
  response: Response,
  part: Part,
  { onProgress }: DownloadOptions,
  onMoved: (bytes: number) => void,
): Promise<void> {
  const totalBytes = part.size + Number(response.headers.get("Content-Length"));
  const file = await open(part.path, part.size ? "a" : "w", 0o600).catch(explain(part.path));
  try {
    let receivedBytes = part.size;
    for await (const bytes of readBody(response)) {
      await file.writeFile(bytes).catch(explain(part.path));
      receivedBytes += bytes.byteLength;
      onMoved(bytes.byteLength);
      onProgress?.({ receivedBytes, totalBytes });
    }
    if (receivedBytes < totalBytes) throw new ConnectionError("The connection was closed before the end of the file.");
  } finally {
    await file.close();
  }
}

async function* readBody(response: Response): AsyncGenerator<Uint8Array> {
  const reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
  for (;;) {
    const { value } = (await reader?.read().catch(lost)) ?? {};
    if (!value) return;
    yield value;
  }
}

function lost(cause: unknown): never {
  throw new ConnectionError("The connection was lost.", { cause });
}

/** A full disk or a missing folder is no failure of the network. */
function explain(path: string): (error: unknown) => never {
  return (cause) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UploaderError("file_unwritable", `The download cannot be saved at ${path}: ${why}`, { cause });
  };
}

/** Abort a request on which nothing moves for so many seconds. */
function watchStalls({ signal, stallSeconds }: Download): { signal: AbortSignal; moved(): void; end(): void } {
  const linked = linkAbort(signal);
  const start = () => setTimeout(() => linked.abort(), stallSeconds * 1000);
  let timer = start();
  const moved = () => {
    clearTimeout(timer);
    timer = start();
  };
  const end = () => {
    clearTimeout(timer);
    linked.unlink();
    linked.abort();
  };
  return { signal: linked.signal, moved, end };
}
