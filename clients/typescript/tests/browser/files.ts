import { createRandom } from "../support/faults.js";

/** A file whose bytes follow from its name and size, so that a reloaded page can make it again. */
export function createFile(name: string, size: number): File {
  return new File([createBytes(name, size)], name, { type: "application/octet-stream", lastModified: 0 });
}

/** xorshift32: fast enough for hundreds of MiB, and no two parts are equal. */
export function createBytes(name: string, size: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  let word = 1 + Math.floor(createRandom(size, name)() * 0xfffffffe);
  for (let index = 0; index < words.length; index += 1) {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    words[index] = word;
  }
  return new Uint8Array(words.buffer, 0, size);
}

/** Return the SHA-256 in lower-case hex. */
export async function hash(bytes: BufferSource): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
