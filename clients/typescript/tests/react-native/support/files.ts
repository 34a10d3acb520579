/** Files for the tests. */

import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, openSync, readdirSync, ftruncateSync, closeSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;

export interface MadeFile {
  path: string;
  uri: string;
  name: string;
  size: number;
}

export interface WrittenFile extends MadeFile {
  sha256: string;
  bytes: Buffer;
}

/** A temporary folder that is removed with everything in it. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), "s3-file-uploader-react-native-"));

  /** Write a file of random bytes, or of these bytes. */
  write(name: string, content: number | Uint8Array | string): WrittenFile {
    const bytes = typeof content === "number" ? randomBytes(content) : Buffer.from(content);
    const path = join(this.path, name);
    writeFileSync(path, bytes);
    return { ...describe(path, name, bytes.length), sha256: sha256(bytes), bytes };
  }

  /** Make a file of zeros that takes no room on the disk. */
  sparse(name: string, size: number): MadeFile {
    const path = join(this.path, name);
    const file = openSync(path, "w");
    ftruncateSync(file, size);
    closeSync(file);
    return describe(path, name, size);
  }

  /** Remove what is in it. */
  clear(): void {
    for (const name of readdirSync(this.path)) rmSync(join(this.path, name));
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function describe(path: string, name: string, size: number): MadeFile {
  return { path, uri: pathToFileURL(path).href, name, size };
}
