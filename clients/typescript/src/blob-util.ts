import type { Chunk, FileAdapter, Source } from "./files/source.js";
import { describeFile, isUriFile, type UriFile } from "./files/uri.js";
import { readHeaders, sendNatively } from "./http/native.js";
import type { Transport } from "./http/transport.js";
import { createKey } from "./uploads/key.js";

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
    cp(path: string, destination: string): Promise<unknown>;
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
  return { open: async (file) => (isUriFile(file) ? openUri(blobUtil, file) : undefined) };
}

async function openUri(blobUtil: BlobUtil, file: UriFile): Promise<Source> {
  const { name, type, uri } = describeFile(file);
  if (!uri.startsWith("content:")) return openPath(blobUtil, pathOf(uri), { name, type, uri });
  // A provider may pipe its bytes: it tells no size, and cannot skip to a part.
  const copy = newCachePath(blobUtil);
  await blobUtil.fs.cp(uri, copy);
  return { ...(await openPath(blobUtil, copy, { name, type, uri })), close: () => blobUtil.fs.unlink(copy) };
}

/** A `file:` address is percent-encoded, a path is not. */
function pathOf(uri: string): string {
  return uri.startsWith("file://") ? decodeURIComponent(uri.slice("file://".length)) : uri;
}

function newCachePath(blobUtil: BlobUtil): string {
  return `${blobUtil.fs.dirs.CacheDir}/s3-file-uploader-${createKey()}`;
}

async function openPath(
  blobUtil: BlobUtil,
  path: string,
  told: { name: string; type: string; uri: string },
): Promise<Source> {
  const { size } = await blobUtil.fs.stat(path);
  return {
    ...told,
    size: Number(size),
    holdsChunks: false,
    read: (offset, length) => cut(blobUtil, path, offset, length),
    whole: () => Promise.resolve({ body: { uri: told.uri }, transport: sendFrom(blobUtil, path) }),
    digest: () => blobUtil.fs.hash(path, "sha256"),
  };
}

async function cut(blobUtil: BlobUtil, path: string, offset: number, length: number): Promise<Chunk> {
  const piece = newCachePath(blobUtil);
  await blobUtil.fs.slice(path, piece, offset, offset + length);
  return {
    body: { uri: `file://${piece}` },
    transport: sendFrom(blobUtil, piece),
    release: () => blobUtil.fs.unlink(piece),
  };
}

function sendFrom(blobUtil: BlobUtil, path: string): Transport {
  return (request) =>
    sendNatively(request, async () => {
      const { headers = {}, onSent, signal, url } = request;
      const task = blobUtil.fetch("PUT", url, headers, blobUtil.wrap(path));
      const abort = () => task.cancel();
      signal?.addEventListener("abort", abort);
      task.uploadProgress({ interval: PROGRESS_MILLISECONDS }, (sent) => onSent?.(sent));
      try {
        const response = await task;
        const info = response.info();
        return { status: info.status, text: await response.text(), header: readHeaders(info.headers) };
      } finally {
        signal?.removeEventListener("abort", abort);
      }
    });
}
