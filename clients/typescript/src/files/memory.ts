import type { Chunk, Source } from "./source.js";

/** A slice of a Blob. React Native frees the bytes of a Blob once every slice is closed, too. */
interface Slice extends Blob {
  close?(): void;
}

/** A browser reads a smaller file once, for its checksum and to send it. */
const KEPT_BYTES = 256 * 1024;

/** Open a `Blob` or `File`. Its slices are views; the platform reads them while it sends. */
export function openBlob(blob: Blob): Source {
  let kept: Uint8Array | undefined;
  const source: Source = {
    name: "name" in blob ? String(blob.name) : "",
    type: blob.type,
    size: blob.size,
    modifiedAt: (blob as Partial<File>).lastModified,
    holdsChunks: false,
    read: (offset, size) =>
      Promise.resolve(kept ? { body: kept.subarray(offset, offset + size) } : cut(blob, offset, size)),
  };
  if (!hasDigest()) return source;
  return {
    ...source,
    async digest() {
      const bytes = await blob.arrayBuffer();
      if (blob.size <= KEPT_BYTES) kept = new Uint8Array(bytes);
      return digest(bytes);
    },
  };
}

function cut(blob: Blob, offset: number, size: number): Chunk {
  if (size === blob.size) return { body: blob };
  const body: Slice = blob.slice(offset, offset + size);
  return { body, release: () => body.close?.() };
}

/** Open bytes in memory. */
export function openBytes(bytes: Uint8Array): Source {
  const source: Source = {
    name: "",
    type: "",
    size: bytes.byteLength,
    holdsChunks: false,
    read: (offset, size) => Promise.resolve({ body: bytes.subarray(offset, offset + size) }),
  };
  return hasDigest() ? { ...source, digest: () => digest(bytes as Uint8Array<ArrayBuffer>) } : source;
}

/** WebCrypto is absent in React Native and on pages without https. */
function hasDigest(): boolean {
  return typeof crypto !== "undefined" && Boolean((crypto as Partial<Crypto>).subtle);
}

async function digest(bytes: BufferSource): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
