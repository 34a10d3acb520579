/** The files of the modelled phone: `file://` of this machine, and `content://` of providers that a test registers. */

import { createReadStream, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A file as `ContentResolver.openInputStream` or `RCTFileRequestHandler` sees it. */
export interface Provider {
  /** The bytes that the stream gives. */
  size: number;
  /** The answer of `InputStream.available()`, before the first byte is read. */
  available: number;
  type: string;
  /** Where a file descriptor of it reads. Absent for a pipe, which cannot seek. */
  path?: string;
  stream(): AsyncIterable<Uint8Array>;
}

/** `InputStream.available()` is a Java int, and FileInputStream gives the largest one for a longer file. */
export const INT_MAX = 2 ** 31 - 1;
const READ_BYTES = 64 * 1024;

export class Device {
  readonly #provided = new Map<string, Provider>();

  /** Serve `uri` from a provider, as a gallery or a cloud drive does. */
  provide(uri: string, provider: Provider): void {
    this.#provided.set(uri, provider);
  }

  /** Return the file, or null if there is none. */
  find(uri: string): Provider | null {
    const provided = this.#provided.get(uri);
    if (provided) return provided;
    return uri.startsWith("file://") ? findOnDisk(fileURLToPath(uri)) : null;
  }
}

/** Read a file into memory, as one piece. */
export async function readWhole(file: Provider): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of file.stream()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function findOnDisk(path: string): Provider | null {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile()) return null;
  return {
    size: stat.size,
    available: Math.min(stat.size, INT_MAX),
    path,
    type: path.endsWith(".txt") ? "text/plain" : "",
    stream: () => createReadStream(path, { highWaterMark: READ_BYTES }),
  };
}
