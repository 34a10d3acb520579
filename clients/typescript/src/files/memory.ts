import type { Source } from "./source.js";

/** A browser reads a smaller file once, for its checksum and to send it. */
const KEPT_BYTES = 256 * 1024;

/** Open a `Blob` or `File` of a browser. Its slices are views; the browser reads them while it sends. */
export function openBlob(blob: Blob): Source {
  let kept: Uint8Array | undefined;
  const cut = (offset: number, size: number) => (size === blob.size ? blob : blob.slice(offset, offset + size));
  const source: Source = {
    name: "name" in blob ? String(blob.name) : "",
    type: blob.type,
    size: blob.size,
    holdsChunks: false,
    read: (offset, size) => Promise.resolve({ body: kept?.subarray(offset, offset + size) ?? cut(offset, size) }),
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
