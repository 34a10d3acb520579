/** Stands in for expo-file-system 58: the part of `File`, `FileHandle` and `Paths` in its File.d.ts that is used. */

import { copies, readFile, readVideo, send, sizeOf, VIDEO } from "./device";

export const Paths = { cache: "file:///cache" };

interface UploadOptions {
  httpMethod?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  onProgress?: (progress: { bytesSent: number; totalBytes: number }) => void;
}

export class File {
  readonly uri: string;

  constructor(...uris: (string | File)[]) {
    this.uri = uris.map((uri) => (typeof uri === "string" ? uri : uri.uri)).join("/");
  }

  get name(): string {
    return this.uri.split("/").pop() ?? "";
  }

  get size(): number {
    return sizeOf(this.uri);
  }

  get type(): string {
    return VIDEO.type;
  }

  get exists(): boolean {
    return this.uri === VIDEO.uri || copies.has(this.uri);
  }

  create(): void {
    copies.set(this.uri, new Uint8Array());
  }

  open() {
    let isOpen = true;
    const { uri } = this;
    const use = (length: number) => {
      if (!isOpen) throw new Error("The handle is closed.");
      const offset = handle.offset ?? 0;
      handle.offset = offset + length;
      return offset;
    };
    const handle = {
      offset: 0 as number | null,
      size: this.size,
      async readBytes(length: number): Promise<Uint8Array> {
        const offset = use(length);
        return uri === VIDEO.uri ? readVideo(offset, length) : readFile(uri).subarray(offset, offset + length);
      },
      async writeBytes(bytes: Uint8Array): Promise<void> {
        const offset = use(bytes.byteLength);
        const written = new Uint8Array(Math.max(sizeOf(uri), offset + bytes.byteLength));
        written.set(readFile(uri));
        written.set(bytes, offset);
        copies.set(uri, written);
      },
      close: () => void (isOpen = false),
    };
    return handle;
  }

  async copy(destination: File): Promise<void> {
    copies.set(destination.uri, readFile(this.uri));
  }

  delete(): void {
    copies.delete(this.uri);
  }

  async digest(): Promise<string> {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", readFile(this.uri)));
    return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  createUploadTask(url: string, options: UploadOptions = {}) {
    const onSent = (bytesSent: number) => options.onProgress?.({ bytesSent, totalBytes: this.size });
    return {
      uploadAsync: () => {
        const { abort, done } = send(
          options.httpMethod ?? "POST",
          url,
          options.headers ?? {},
          readFile(this.uri),
          onSent,
        );
        options.signal?.addEventListener("abort", abort);
        return done;
      },
    };
  }

  upload(url: string, options: UploadOptions = {}) {
    return this.createUploadTask(url, options).uploadAsync();
  }
}
