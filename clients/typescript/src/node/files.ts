import { createHash, type BinaryLike } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { UploaderError } from "../errors.js";
import type { FileAdapter, Source } from "../files/source.js";

/** Large reads are few system calls; together with the socket's buffer this bounds the memory of a part. */
const READ_BYTES = 256 * 1024;

/** A stream with a name and a media type. */
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
  return {
    name,
    type,
    size,
    uri: resolve(path),
    modifiedAt: mtimeMs,
    holdsChunks: false,
    read: (offset, length) =>
      Promise.resolve({ body: { size: length, stream: () => readRange(path, offset, length) } }),
    async digest() {
      const hash = createHash("sha256");
      await pipeline(createReadStream(path), hash);
      return hash.digest("hex");
    },
  };
}

function readRange(path: string, offset: number, length: number): Readable {
  if (!length) return Readable.from([]);
  return createReadStream(path, { start: offset, end: offset + length - 1, highWaterMark: READ_BYTES });
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
