import { UploaderError } from "./errors.js";
import type { Chunk, FileAdapter, Source } from "./files/source.js";
import { describeFile, isUriFile, type UriFile } from "./files/uri.js";
import { readHeaders, sendNatively } from "./http/native.js";
import type { Transport } from "./http/transport.js";
import { createKey } from "./uploads/key.js";

/** The part of expo-file-system's `FileHandle` that reads a range. */
export interface ExpoFileHandle {
  offset: number | null;
  readonly size: number | null;
  readBytes(length: number): Promise<Uint8Array> | Uint8Array;
  close(): void;
}

export interface ExpoUploadOptions {
  httpMethod: "PUT";
  headers: Record<string, string>;
  signal?: AbortSignal;
  onProgress: (progress: { bytesSent: number }) => void;
}

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
  readonly exists: boolean;
  open(): ExpoFileHandle;
  createUploadTask(url: string, options: ExpoUploadOptions): { uploadAsync(): Promise<ExpoUploadResult> };
  digest(algorithm: "SHA-256"): Promise<string>;
  copy(destination: object): Promise<void> | void;
  delete(): void;
}

/** The part of `import * as FileSystem from "expo-file-system"` that the adapter needs. */
export interface ExpoFileSystem {
  File: new (...uris: never[]) => unknown;
  Paths: { cache: unknown };
}

/** Read files of Expo in parts: `createClient({files: expoFiles(FileSystem)})`. */
export function expoFiles(fileSystem: ExpoFileSystem): FileAdapter {
  return {
    async open(file) {
      if (!isUriFile(file)) return undefined;
      if (isExpoFile(file)) return openReadable(fileSystem, file, file.name, file.type);
      const { name, type, uri } = describeFile(file);
      const opened = newFile(fileSystem, uri);
      return openReadable(fileSystem, opened, name, type || opened.type);
    },
  };
}

/** An Expo `File` calls itself a Blob, but its `slice` reads all of it and then throws (expo/expo#40144). */
function isExpoFile(file: UriFile): file is UriFile & ExpoFile {
  return "open" in file && typeof file.open === "function";
}

function newFile({ File }: ExpoFileSystem, ...uris: unknown[]): ExpoFile {
  const Constructor = File as new (...uris: unknown[]) => ExpoFile;
  return new Constructor(...uris);
}

/** Open a file, or a copy in the cache if it cannot be read in parts. */
async function openReadable(fileSystem: ExpoFileSystem, file: ExpoFile, name: string, type: string): Promise<Source> {
  // The size of a file that does not exist is 0: it would be stored as an empty one.
  if (!file.exists) throw new UploaderError("file_unreadable", `There is no file at ${file.uri}. Choose it again.`);
  if (!file.uri.startsWith("content:") || canSeek(file)) return openExpoFile(file, name, type);
  const copy = newFile(fileSystem, fileSystem.Paths.cache, `s3-file-uploader-${createKey()}`);
  await file.copy(copy);
  return { ...openExpoFile(copy, name, type), uri: file.uri, close: () => copy.delete() };
}

/** Return false if a provider of Android pipes its bytes. A pipe cannot skip to a part, and its descriptor has no size. */
function canSeek(file: ExpoFile): boolean {
  try {
    const handle = file.open();
    const { size } = handle;
    handle.close();
    return size !== null && size > 0 && size === file.size;
  } catch {
    return false; // Some providers give no descriptor. A copy shows whether the file can be read at all.
  }
}

function openExpoFile(file: ExpoFile, name: string, type: string): Source {
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
