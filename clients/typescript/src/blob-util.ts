import { cancelled } from "./errors.js";
import type { Chunk, FileAdapter, Source } from "./files/source.js";
import { isUriFile, nameOf } from "./files/uri.js";
import { ConnectionError, type HttpRequest, type HttpResponse, type Transport } from "./http/transport.js";

interface FetchResponse {
  text(): string | Promise<string>;
  info(): { status: number; headers: Record<string, string> };
}

interface FetchTask extends Promise<FetchResponse> {
  uploadProgress(config: { interval: number }, callback: (sent: number) => void): unknown;
  cancel(): unknown;
}

/** The part of react-native-blob-util that the adapter needs. */
export interface BlobUtil {
  fs: {
    dirs: { CacheDir: string };
    stat(path: string): Promise<{ size: number | string; filename?: string }>;
    slice(source: string, destination: string, start: number, end: number): Promise<unknown>;
    hash(path: string, algorithm: "sha256"): Promise<string>;
    unlink(path: string): Promise<void>;
  };
  wrap(path: string): string;
  fetch(method: "PUT", url: string, headers: Record<string, string>, body: string): FetchTask;
}

const PROGRESS_MILLISECONDS = 100;

/**
 * Read files by react-native-blob-util: `createClient({files: blobUtilFiles(ReactNativeBlobUtil)})`.
 *
 * Opens `{uri, name, type, size}` of a picker. Each part is copied to a file in the cache, and the native uploader streams
 * it from there: no part is in memory.
 */
export function blobUtilFiles(blobUtil: BlobUtil): FileAdapter {
  return { open: async (file) => (isUriFile(file) ? openPath(blobUtil, file.uri, file.name, file.type) : undefined) };
}

async function openPath(blobUtil: BlobUtil, uri: string, name = nameOf(uri), type = ""): Promise<Source> {
  const path = uri.replace(/^file:\/\//, "");
  const { size } = await blobUtil.fs.stat(path);
  return {
    name,
    type,
    size: Number(size),
    uri,
    holdsChunks: false,
    read: (offset, length) => cut(blobUtil, path, offset, length),
    digest: () => blobUtil.fs.hash(path, "sha256"),
  };
}

async function cut(blobUtil: BlobUtil, path: string, offset: number, length: number): Promise<Chunk> {
  const unique = Math.random().toString(36).slice(2);
  const piece = `${blobUtil.fs.dirs.CacheDir}/s3-file-uploader-${Date.now()}-${unique}.part`;
  await blobUtil.fs.slice(path, piece, offset, offset + length);
  return {
    body: { uri: `file://${piece}` },
    transport: sendFrom(blobUtil, piece),
    release: () => blobUtil.fs.unlink(piece),
  };
}

function sendFrom(blobUtil: BlobUtil, path: string): Transport {
  return async (request: HttpRequest): Promise<HttpResponse> => {
    if (request.signal?.aborted) throw cancelled();
    const task = blobUtil.fetch("PUT", request.url, request.headers ?? {}, blobUtil.wrap(path));
    const abort = () => task.cancel();
    request.signal?.addEventListener("abort", abort);
    task.uploadProgress({ interval: PROGRESS_MILLISECONDS }, (sent) => request.onSent?.(sent));
    try {
      const response = await task;
      const { headers, status } = response.info();
      const lowerCase = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
      return { status, text: await response.text(), header: (name) => lowerCase[name.toLowerCase()] ?? null };
    } catch (cause) {
      if (request.signal?.aborted) throw cancelled();
      throw new ConnectionError("The connection was lost.", { cause });
    } finally {
      request.signal?.removeEventListener("abort", abort);
    }
  };
}
