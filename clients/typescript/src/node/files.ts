import { createHash, type BinaryLike } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, open, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { UploaderError } from "../errors.js";
import type { FileAdapter, Source } from "../files/source.js";

/** Large reads are few system calls. A part takes this much memory, and a smaller file is read once. */
const READ_BYTES = 256 * 1024;

/** A stream, and what is known of it. */
export interface StreamFile {
  stream: AsyncIterable<BinaryLike>;
  name?: string;
  type?: string;
}

/** Opens paths, `file:` URLs and streams. A stream is copied to a temporary file first: it cannot be read twice. */
export const nodeFiles: FileAdapter = {
  async open(file) {
    if (typeof file === "string") return openPath(file);
    if (file instanceof URL) return openPath(fileURLToPath(file));
    if (file instanceof Readable) return openStream({ stream: file });
    if (typeof file !== "object" || file === null) return undefined;
    if ("stream" in file && file.stream instanceof Readable) return openStream(file as StreamFile);
    if ("uri" in file && typeof file.uri === "string") return openUri(file as { uri: string });
    return undefined;
  },
};

function openUri({ uri, name, type }: { uri: string; name?: string; type?: string }): Promise<Source> {
  return openPath(uri.startsWith("file:") ? fileURLToPath(uri) : uri, name, type);
}

async function openPath(path: string, name = basename(path), type = ""): Promise<Source> {
  const status = await stat(path);
  if (!status.isFile())
    throw new UploaderError("file_unreadable", `${path} is no regular file. Pass a file or a stream.`);
  const { mtimeMs, size } = status;
  const described = { name, type, uri: resolve(path), modifiedAt: mtimeMs, holdsChunks: false };
  if (size <= READ_BYTES) return { ...described, ...openRead(await readFile(path)) };
  return {
    ...described,
    size,
    read: (offset, length) =>
      Promise.resolve({ body: { size: length, stream: () => readRange(path, offset, length) } }),
    async digest() {
      const hash = createHash("sha256");
      await pipeline(createReadStream(path), hash);
      return hash.digest("hex");
    },
  };
}

/** Most of a small file's time would be spent on opening it again, for its checksum and for each attempt. */
function openRead(bytes: Uint8Array): Pick<Source, "size" | "read" | "digest"> {
  return {
    size: bytes.byteLength,
    read: (offset, length) => Promise.resolve({ body: bytes.subarray(offset, offset + length) }),
    digest: () => Promise.resolve(createHash("sha256").update(bytes).digest("hex")),
  };
}

/** Read into one buffer again and again, since garbage of this size costs memory and time. */
async function* readRange(path: string, offset: number, length: number): AsyncGenerator<Uint8Array, void> {
  const file = await open(path);
  try {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    for (let left = length; left > 0;) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(left, READ_BYTES), offset + length - left);
      if (!bytesRead) return;
      yield buffer.subarray(0, bytesRead);
      left -= bytesRead;
    }
  } finally {
    await file.close();
  }
}

async function openStream({ stream, name = "file", type = "" }: StreamFile): Promise<Source> {
  const folder = await mkdtemp(join(tmpdir(), "s3-file-uploader-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, "file");
    await pipeline(stream, createWriteStream(path, { mode: 0o600 }));
    return { ...(await openPath(path, name, type)), uri: undefined, modifiedAt: undefined, close: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
