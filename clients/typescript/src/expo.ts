import { UploaderError } from "./errors.js";
import type { Chunk, FileAdapter, Source } from "./files/source.js";
import { describeFile, isUriFile, type UriFile } from "./files/uri.js";
import { readHeaders, sendNatively } from "./http/native.js";
import type { Connectivity } from "./http/connectivity.js";
import type { Transport } from "./http/transport.js";
import { createKey } from "./uploads/key.js";

/** The part of expo-file-system's `FileHandle` that reads and writes ranges. */
export interface ExpoFileHandle {
  offset: number | null;
  readonly size: number | null;
  readBytes(length: number): Promise<Uint8Array> | Uint8Array;
  writeBytes(bytes: Uint8Array): Promise<void> | void;
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
  create(): void;
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

/** Bytes that lie in memory at once while a part is cut. */
const STEP_BYTES = 1024 * 1024;

/**
 * Read files of Expo in parts: `createClient({files: expoFiles(FileSystem)})`.
 *
 * Each part is cut to a file in the cache, and Expo's native uploader streams it from there: no part lies in memory.
 */
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
  if (!file.uri.startsWith("content:") || canSeek(file)) return openExpoFile(fileSystem, file, name, type);
  const copy = newCacheFile(fileSystem);
  await file.copy(copy);
  return { ...openExpoFile(fileSystem, copy, name, type), uri: file.uri, close: () => copy.delete() };
}

function newCacheFile(fileSystem: ExpoFileSystem): ExpoFile {
  return newFile(fileSystem, fileSystem.Paths.cache, `s3-file-uploader-${createKey()}`);
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

function openExpoFile(fileSystem: ExpoFileSystem, file: ExpoFile, name: string, type: string): Source {
  const { size, uri } = file;
  return {
    name,
    type,
    size,
    uri,
    holdsChunks: false,
    read: (offset, length) => cut(file, newCacheFile(fileSystem), offset, length),
    whole: () => Promise.resolve({ body: { uri }, transport: sendFrom(file) }),
    digest: () => file.digest("SHA-256"),
  };
}

/**
 * Cut a part to a file of its own.
 *
 * XMLHttpRequest would take its bytes as base64, which blocks the thread of JavaScript.
 */
async function cut(file: ExpoFile, piece: ExpoFile, offset: number, length: number): Promise<Chunk> {
  piece.create();
  try {
    await copyRange(file, piece, offset, length);
  } catch (error) {
    piece.delete();
    throw error;
  }
  return { body: { uri: piece.uri }, transport: sendFrom(piece), release: () => piece.delete() };
}

/** Each part has handles of its own, since several are cut at once. */
async function copyRange(file: ExpoFile, piece: ExpoFile, offset: number, length: number): Promise<void> {
  const [source, target] = [file.open(), piece.open()];
  try {
    source.offset = offset;
    for (let left = length; left > 0;) {
      const bytes = await source.readBytes(Math.min(left, STEP_BYTES));
      if (!bytes.byteLength)
        throw new UploaderError("file_unreadable", "The file has become shorter. Choose it again.");
      await target.writeBytes(bytes);
      left -= bytes.byteLength;
    }
  } finally {
    source.close();
    target.close();
  }
}

/** Stream a file from the disk: XMLHttpRequest would read it into memory on iOS. */
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

/** The part of `import * as Network from "expo-network"` that tells of the network. */
export interface ExpoNetwork {
  getNetworkStateAsync(): Promise<{ isConnected?: boolean }>;
  addNetworkStateListener(listener: (state: { isConnected?: boolean }) => void): unknown;
}

/** The part of React Native's `AppState` that tells of an app that comes to the front. */
export interface AppStateLike {
  addEventListener(type: "change", listener: (state: string) => void): unknown;
}

/** Wait while a phone is offline, and go on at once afterwards: `connectivity` of `createClient`. */
export function expoConnectivity(network: ExpoNetwork, appState: AppStateLike): Connectivity {
  const listeners = new Set<() => void>();
  const wake = () => {
    for (const listener of listeners) listener();
  };
  let isOnline = true;
  const note = ({ isConnected = true }: { isConnected?: boolean }) => {
    const isBack = isConnected && !isOnline;
    isOnline = isConnected;
    if (isBack) wake();
  };
  network.addNetworkStateListener(note);
  appState.addEventListener("change", (state) => {
    if (state === "active") wake();
  });
  void network.getNetworkStateAsync().then(note);
  return {
    isOnline: () => isOnline,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
