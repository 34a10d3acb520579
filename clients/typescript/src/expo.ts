import type { Chunk, FileAdapter, Source } from "./files/source.js";
import { describeFile, isUriFile, type UriFile } from "./files/uri.js";
import { readHeaders, sendNatively } from "./http/native.js";
import type { Transport } from "./http/transport.js";

/** The part of expo-file-system's `FileHandle` that reads a range. */
export interface ExpoFileHandle {
  offset: number | null;
  readBytes(length: number): Promise<Uint8Array> | Uint8Array;
  close(): void;
}

/** The options of expo-file-system's `UploadTask` that the adapter uses. */
export interface ExpoUploadOptions {
  httpMethod: "PUT";
  headers: Record<string, string>;
  signal?: AbortSignal;
  onProgress: (progress: { bytesSent: number }) => void;
}

/** The result of expo-file-system's `UploadTask`. */
export interface ExpoUploadResult {
  body: string;
  status: number;
  headers: Record<string, string>;
}

/** The part of expo-file-system's `File` that the adapter needs. */
export interface ExpoFile {
  readonly uri: string;
  readonly name: string;
  readonly size: number;
  readonly type: string;
  open(): ExpoFileHandle;
  createUploadTask(url: string, options: ExpoUploadOptions): { uploadAsync(): Promise<ExpoUploadResult> };
  digest(algorithm: "SHA-256"): Promise<string>;
  copy(destination: ExpoFile): Promise<void> | void;
  delete(): void;
}

/** The part of `import * as FileSystem from "expo-file-system"` that the adapter needs. */
export interface ExpoFileSystem {
  File: new (...uris: never[]) => unknown;
  Paths: { cache: unknown };
}

/**
 * Read files of Expo in parts: `createClient({files: expoFiles(FileSystem)})`, with
 * `import * as FileSystem from "expo-file-system"`.
 *
 * Opens an Expo `File` and `{uri, name, type, size}` of a picker. A part is in memory while it is sent. A file of unknown
 * size, as some Android providers pipe it, is copied to the cache first.
 */
export function expoFiles(fileSystem: ExpoFileSystem): FileAdapter {
  return {
    async open(file) {
      if (isExpoFile(file)) return openExpoFile(file);
      if (!isUriFile(file)) return undefined;
      return openUri(fileSystem, file);
    },
  };
}

/** An Expo `File` calls itself a Blob, but its `slice` reads all of it and then throws (expo/expo#40144). */
function isExpoFile(file: unknown): file is ExpoFile {
  return isUriFile(file) && "open" in file && typeof file.open === "function";
}

async function openUri(fileSystem: ExpoFileSystem, file: UriFile): Promise<Source> {
  const Constructor = fileSystem.File as new (...uris: unknown[]) => ExpoFile;
  const { name, size, uri, ...told } = describeFile(file);
  const opened = new Constructor(uri);
  const type = told.type || opened.type;
  if (opened.size > 0 || size === 0) return openExpoFile(opened, name, type);
  // A provider that pipes its bytes tells no size: only a copy can be read in parts.
  const copy = new Constructor(fileSystem.Paths.cache, `upload-${Date.now()}-${name}`);
  await opened.copy(copy);
  return { ...openExpoFile(copy, name, type), close: () => copy.delete() };
}

function openExpoFile(file: ExpoFile, name = file.name, type = file.type): Source {
  const { size, uri } = file;
  return {
    name,
    type,
    size,
    uri,
    holdsChunks: true,
    read: (offset, length) => readRange(file, offset, length),
    whole: () => Promise.resolve({ body: { uri }, transport: sendFrom(file) }),
    digest: () => file.digest("SHA-256"),
  };
}

/** Each chunk has a handle of its own, since several are read at once. */
async function readRange(file: ExpoFile, offset: number, length: number): Promise<Chunk> {
  const handle = file.open();
  try {
    handle.offset = offset;
    return { body: await handle.readBytes(length) };
  } finally {
    handle.close();
  }
}

/** Stream the whole file from the disk: XMLHttpRequest would read it into memory on iOS. */
function sendFrom(file: ExpoFile): Transport {
  return (request) =>
    sendNatively(request, async () => {
      const { headers = {}, onSent, signal, url } = request;
      const task = file.createUploadTask(url, {
        httpMethod: "PUT",
        headers,
        ...(signal ? { signal } : {}),
        onProgress: ({ bytesSent }) => onSent?.(bytesSent),
      });
      const response = await task.uploadAsync();
      return { status: response.status, text: response.body, header: readHeaders(response.headers) };
    });
}
