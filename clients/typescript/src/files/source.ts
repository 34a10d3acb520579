import { UploaderError } from "../errors.js";
import type { Body, Transport } from "../http/transport.js";
import { openBlob, openBytes } from "./memory.js";
import { describeFile, isUriFile, LARGEST_WHOLE_BYTES, openUri } from "./uri.js";

/** A range of a file, ready to be sent as often as it takes. */
export interface Chunk {
  body: Body;
  /** What sends it, if not the client's transport: a native uploader that reads from the disk. */
  transport?: Transport;
  /** Free what the chunk holds. */
  release?(): void | Promise<void>;
}

/** An opened file. */
export interface Source {
  readonly name: string;
  /** Media type, or an empty string. */
  readonly type: string;
  /** Bytes. */
  readonly size: number;
  /** The address of the file, if it can be opened again by it after a restart. */
  readonly uri?: string | undefined;
  /** When the file was last written, in milliseconds, where the platform tells it reliably. */
  readonly modifiedAt?: number | undefined;
  /** True if every chunk lies in memory while it is sent. */
  readonly holdsChunks: boolean;
  /** Return the bytes from `offset` on. Never reads more than that into memory. */
  read(offset: number, size: number): Promise<Chunk>;
  /** Return the whole file, where another way than `read` keeps it out of memory. */
  whole?(): Promise<Chunk>;
  /** Return the SHA-256 in lower-case hex. Absent where the platform has no fast one. */
  digest?(): Promise<string>;
  close?(): void | Promise<void>;
}

/** Return the whole file as one chunk. */
export function readWhole(source: Source): Promise<Chunk> {
  return source.whole?.() ?? source.read(0, source.size);
}

/** What a file tells before it is opened. */
export type FileFacts = Pick<Source, "uri"> & Partial<Pick<Source, "name" | "type" | "size">>;

/** Return the name, type, size and address of a file, as far as they are known before it is opened. */
export function factsOf(file: unknown): FileFacts {
  if (file instanceof Uint8Array) return { size: file.byteLength };
  if (isUriFile(file)) {
    const { name, size, type, uri } = describeFile(file);
    return { name, type, uri, ...(size === undefined ? {} : { size }) };
  }
  const { name, size, type = "" } = (file ?? {}) as Record<string, unknown>;
  const isNamed = typeof name === "string" && typeof type === "string";
  return { ...(isNamed ? { name, type } : {}), ...(typeof size === "number" ? { size } : {}) };
}

/** Opens files that the core does not know, such as those of Expo. */
export interface FileAdapter {
  /** Return the opened file, or undefined if this is not a file of the adapter. */
  open(file: unknown): Promise<Source | undefined>;
}

/**
 * Open a file with the adapter, or as a `Blob`, bytes or a `{uri}` of at most `largestUri` bytes.
 *
 * Throws `file_unreadable` for anything else, and `file_needs_adapter` for a larger `{uri}`.
 */
export async function openFile(
  file: unknown,
  adapter: FileAdapter | undefined,
  largestUri = LARGEST_WHOLE_BYTES,
): Promise<Source> {
  const opened = await adapter?.open(file);
  if (opened) return opened;
  if (file instanceof Uint8Array) return openBytes(file);
  if (isUriFile(file)) return openUri(file, largestUri);
  if (typeof Blob !== "undefined" && file instanceof Blob) return openBlob(file);
  const message =
    "This is no file that the client can read. Pass a File, a Blob, a Uint8Array or {uri, name, type, size}; " +
    "paths and streams need createClient of s3-file-uploader-client/node.";
  throw new UploaderError("file_unreadable", message);
}
