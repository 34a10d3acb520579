/**
 * The native side of expo-file-system, after FileSystemFile.kt, FileSystemFileHandle.kt and ContentProviderFile.kt, and
 * their counterparts in Swift.
 */

import { createHash } from "node:crypto";
import {
  closeSync,
  copyFileSync,
  createReadStream,
  createWriteStream,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { Agent } from "node:http";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Device, Provider } from "./device.ts";
import { exchange, type Exchange } from "./http.ts";

/** What the adapter did with files. */
export interface ExpoUse {
  /** Bytes of the largest read of a handle. */
  largestRead: number;
  openHandles: number;
  /** Files that were read whole. */
  wholeReads: number;
}

interface UploadOptions {
  httpMethod: string;
  headers?: Record<string, string>;
}

type Progress = (event: { bytesSent: number; totalBytes: number }) => void;

/** Return the native module `FileSystem`. `toApp` makes bytes of the app. */
export function createExpoFileSystem(device: Device, cache: string, toApp: (bytes: Uint8Array) => Uint8Array) {
  const use: ExpoUse = { largestRead: 0, openHandles: 0, wholeReads: 0 };
  const agent = new Agent({ keepAlive: true });

  class FileSystemFile {
    readonly uri: string;

    constructor(uri: string) {
      this.uri = uri;
    }

    validatePath(): void {}

    /** `FileSystemFile.kt` answers 0 for a file that does not exist. */
    get size(): number {
      return device.find(this.uri)?.size ?? 0;
    }

    get exists(): boolean {
      return device.find(this.uri) !== null;
    }

    get type(): string {
      return device.find(this.uri)?.type ?? "";
    }

    create(): void {
      closeSync(openSync(fileURLToPath(this.uri), "wx"));
    }

    open(): FileSystemFileHandle {
      return new FileSystemFileHandle(this.#find());
    }

    bytesSync(): Uint8Array {
      const { path } = this.#find();
      use.wholeReads += 1;
      return toApp(readRange(path ?? "", 0, this.size));
    }

    async digest(): Promise<string> {
      const hash = createHash("sha256");
      for await (const chunk of this.#find().stream()) hash.update(chunk);
      return hash.digest("hex");
    }

    async copy(destination: FileSystemFile): Promise<void> {
      const target = fileURLToPath(destination.uri);
      const { path, stream } = this.#find();
      if (existsSync(target)) throw new Error("Destination already exists");
      if (path) copyFileSync(path, target);
      else await pipeline(Readable.from(stream()), createWriteStream(target));
    }

    delete(): void {
      rmSync(fileURLToPath(this.uri));
    }

    #find(): Provider {
      const file = device.find(this.uri);
      if (!file) throw new Error(`File '${this.uri}' does not exist`);
      return file;
    }
  }

  class FileSystemFileHandle {
    #position = 0;
    #descriptor: number | null;

    constructor(file: Provider) {
      this.#descriptor = file.path === undefined ? null : openSync(file.path, "r+");
      use.openHandles += 1;
    }

    /** Of a pipe, `FileChannel.size` is 0. */
    get size(): number {
      return this.#descriptor === null ? 0 : fstatSync(this.#descriptor).size;
    }

    get offset(): number {
      return this.#position;
    }

    /** A pipe cannot seek (`FileChannel.position`). */
    set offset(position: number) {
      if (this.#descriptor === null) throw new Error("Illegal seek");
      this.#position = position;
    }

    async readBytes(length: number): Promise<Uint8Array> {
      if (this.#descriptor === null) throw new Error("Illegal seek");
      use.largestRead = Math.max(use.largestRead, length);
      const bytes = Buffer.alloc(length);
      const read = readSync(this.#descriptor, bytes, 0, length, this.#position);
      this.#position += read;
      return toApp(bytes.subarray(0, read));
    }

    async writeBytes(bytes: Uint8Array): Promise<void> {
      if (this.#descriptor === null) throw new Error("Illegal seek");
      this.#position += writeSync(this.#descriptor, bytes, 0, bytes.byteLength, this.#position);
    }

    close(): void {
      if (this.#descriptor !== null) closeSync(this.#descriptor);
      use.openHandles -= 1;
    }
  }

  /** A PUT of a whole file, streamed from the disk. */
  class FileSystemUploadTask {
    #listener: Progress = () => undefined;
    #running: Exchange | undefined;

    addListener(_event: "progress", listener: Progress): { remove(): void } {
      this.#listener = listener;
      return { remove: () => (this.#listener = () => undefined) };
    }

    async start(url: string, file: FileSystemFile, { headers = {}, httpMethod }: UploadOptions): Promise<object> {
      const { size } = file;
      const chunks = () => createReadStream(fileURLToPath(file.uri));
      const onSent = (bytesSent: number) => this.#listener({ bytesSent, totalBytes: size });
      const payload = { type: null, length: size, chunks };
      this.#running = exchange({ method: httpMethod, url, headers: { ...headers }, payload, agent, onSent });
      const { body, ...answer } = await this.#running.answer;
      return { ...answer, body: body.toString() };
    }

    cancel(): void {
      this.#running?.cancel();
    }
  }

  class FileSystemDirectory {
    readonly uri: string;

    constructor(uri: string) {
      this.uri = uri;
    }

    validatePath(): void {}

    get name(): string {
      return basename(this.uri);
    }
  }

  const module = {
    FileSystemFile,
    FileSystemDirectory,
    FileSystemUploadTask,
    cacheDirectory: `${pathToFileURL(cache).href}/`,
  };
  return { module, use, close: () => agent.destroy() };
}

function readRange(path: string, offset: number, length: number): Buffer {
  const descriptor = openSync(path, "r");
  const bytes = Buffer.alloc(length);
  readSync(descriptor, bytes, 0, length, offset);
  closeSync(descriptor);
  return bytes;
}
