/** BlobModule and FileReaderModule, after BlobModule.kt, FileReaderModule.kt, RCTBlobManager.mm and RCTFileReaderModule.mm. */

import { randomUUID } from "node:crypto";
import { INT_MAX } from "./device.ts";
import type { Meter } from "./meter.ts";

/** What JavaScript knows of a blob: a range of bytes that native code keeps. */
export interface BlobData {
  blobId: string;
  offset: number;
  size: number;
  type?: string;
}

type Part = { type: "blob"; data: BlobData } | { type: "string"; data: string };

/** Native bytes of a blob. `copied` is true for a range of them, which native code copies. */
export interface Resolved {
  bytes: Buffer;
  copied: boolean;
}

export class Blobs {
  readonly #blobs = new Map<string, { bytes: Buffer; release: () => void }>();
  readonly #meter: Meter;
  /** Removes a blob when the garbage collector has taken the last JavaScript object of it (BlobCollector). */
  readonly #collector = new FinalizationRegistry<string>((blobId) => this.remove(blobId));

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  store(bytes: Buffer, blobId: string = randomUUID()): string {
    this.#blobs.set(blobId, { bytes, release: this.#meter.hold("blob", bytes.length) });
    return blobId;
  }

  remove(blobId: string): void {
    this.#blobs.get(blobId)?.release();
    this.#blobs.delete(blobId);
  }

  /** Return the bytes of a blob, or null. Throws beyond 2 GiB, since Java's offsets and sizes are ints. */
  resolve({ blobId, offset, size }: BlobData): Resolved | null {
    const bytes = this.#blobs.get(blobId)?.bytes;
    if (!bytes) return null;
    if (offset + size > INT_MAX) throw new RangeError(`${offset} > ${offset + size - 2 ** 32}`);
    const copied = offset > 0 || size !== bytes.length;
    return { bytes: copied ? Buffer.from(bytes.subarray(offset, offset + size)) : bytes, copied };
  }

  /** The `__blobCollectorProvider` of the JavaScript realm. */
  collect = (blobId: string): object => {
    const collector = {};
    this.#collector.register(collector, blobId);
    return collector;
  };

  /** The native module `BlobModule`. */
  module(): object {
    return {
      getConstants: () => ({ BLOB_URI_SCHEME: "content", BLOB_URI_HOST: null }),
      addNetworkingHandler: () => undefined,
      createFromParts: (parts: Part[], blobId: string) => this.store(this.#join(parts), blobId),
      release: (blobId: string) => this.remove(blobId),
    };
  }

  /** The native module `FileReaderModule`. */
  fileReader(): object {
    return {
      readAsText: async (blob: BlobData, encoding: string) => new TextDecoder(encoding).decode(this.#find(blob)),
      readAsDataURL: async (blob: BlobData) => {
        const base64 = this.#find(blob).toString("base64");
        setImmediate(this.#meter.hold("base64", base64.length));
        return `data:${blob.type || "application/octet-stream"};base64,${base64}`;
      },
    };
  }

  #join(parts: Part[]): Buffer {
    return Buffer.concat(parts.map((part) => (part.type === "blob" ? this.#find(part.data) : Buffer.from(part.data))));
  }

  #find(blob: BlobData): Buffer {
    const resolved = this.resolve(blob);
    if (!resolved) throw new Error("The specified blob is invalid");
    return resolved.bytes;
  }
}
