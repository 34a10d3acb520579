import { open, rename, stat } from "node:fs/promises";
import { UploaderError } from "../errors.js";
import { Patience } from "../http/retry.js";
import type { Connectivity } from "../http/connectivity.js";
import type { PresignedUrl } from "../resources.js";

/** Options of a download. */
export interface DownloadOptions {
  /** Aborting it cancels the download. */
  signal?: AbortSignal;
  /** Called with the bytes on the disk, and the bytes of the whole file. */
  onProgress?: (progress: { receivedBytes: number; totalBytes: number }) => void;
}

/** What the download of one file needs. */
export interface Download extends DownloadOptions {
  path: string;
  sign(): Promise<PresignedUrl>;
  connectivity: Connectivity;
  patienceSeconds: number;
}

/**
 * Save a file, and go on after any failure from the bytes that have arrived.
 *
 * The bytes lie in `<path>.part` until the file is whole. `If-Range` makes S3 send the whole file if it has changed.
 */
export async function downloadTo(download: Download): Promise<void> {
  const patience = new Patience(download.connectivity, download.patienceSeconds);
  const part = `${download.path}.part`;
  let etag: string | null = null;
  for (;;) {
    try {
      const { url } = await download.sign();
      const response: Response = await fetch(url, {
        headers: await resumeHeaders(part, etag),
        signal: download.signal ?? null,
      });
      if (response.status === 416) break; // Everything lay there already.
      if (!response.ok)
        throw new UploaderError("storage_refused", `S3 answered ${response.status}.`, { status: response.status });
      etag = response.headers.get("ETag");
      await receive(response, part, download, patience);
      break;
    } catch (error) {
      if (download.signal?.aborted) throw new UploaderError("cancelled", "The download was cancelled.");
      if (error instanceof UploaderError && error.status < 500 && error.status !== 403) throw error;
      await patience.wait(error, download.signal);
    }
  }
  await rename(part, download.path);
}

async function resumeHeaders(part: string, etag: string | null): Promise<Record<string, string>> {
  if (!etag) return {};
  const { size } = await stat(part);
  return size ? { Range: `bytes=${size}-`, "If-Range": etag } : {};
}

async function receive(response: Response, part: string, download: Download, patience: Patience): Promise<void> {
  const isRest = response.status === 206;
  const file = await open(part, isRest ? "a" : "w");
  try {
    let receivedBytes = isRest ? (await file.stat()).size : 0;
    const totalBytes = receivedBytes + Number(response.headers.get("Content-Length"));
    for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
      await file.write(bytes);
      receivedBytes += bytes.byteLength;
      patience.succeeded();
      download.onProgress?.({ receivedBytes, totalBytes });
    }
    if (receivedBytes < totalBytes) throw new Error("The connection was closed before the end of the file.");
  } finally {
    await file.close();
  }
}
