import type { Usage } from "s3-file-uploader-client";
import { splitPath } from "./names.ts";

/** The limits of a user in a bucket, as `client.usage` returns them. */
export type Limits = Pick<
  Usage,
  "bytes" | "files" | "quota_bytes" | "quota_files" | "max_file_bytes" | "content_types" | "extensions"
>;

/** The reason for which a file is refused before a byte is sent. */
export type Refusal =
  | { reason: "too_large"; largest: number }
  | { reason: "ending"; endings: readonly string[] }
  | { reason: "type"; type: string; types: readonly string[] }
  | { reason: "no_room"; bytesLeft: number }
  | { reason: "too_many"; files: number };

export interface Measured {
  path: string;
  size: number;
  /** Media type, or an empty string. */
  type: string;
}

/** Return the reason for which the policy forbids a file whatever else is there, if it does. */
export function refuse({ path, size, type }: Measured, limits: Limits): Refusal | undefined {
  const { content_types: types, extensions: endings, max_file_bytes: largest } = limits;
  if (largest !== null && size > largest) return { reason: "too_large", largest };
  if (endings && !hasEnding(path, endings)) return { reason: "ending", endings };
  // Without a type the service derives one, and decides itself.
  if (types && type && !fitsType(type, types)) return { reason: "type", type, types };
  return undefined;
}

function hasEnding(path: string, endings: readonly string[]): boolean {
  const name = splitPath(path).name.toLowerCase();
  return endings.some((ending) => (ending ? name.endsWith(`.${ending}`) : !name.includes(".")));
}

function fitsType(type: string, types: readonly string[]): boolean {
  const [essence = ""] = type.toLowerCase().split(";");
  return types.some((allowed) => allowed === essence.trim() || allowed === `${essence.split("/")[0] ?? ""}/*`);
}

/** Counts what files will use, in order, until a quota is full. */
export class Room {
  private bytesLeft: number;
  private filesLeft: number;
  private readonly mostFiles: number;

  /** `waiting`: files of this page that the service does not count yet. */
  constructor(limits: Limits, waiting: { bytes: number; files: number }) {
    const { bytes, files, quota_bytes, quota_files } = limits;
    this.bytesLeft = (quota_bytes ?? Infinity) - bytes - waiting.bytes;
    this.filesLeft = (quota_files ?? Infinity) - files - waiting.files;
    this.mostFiles = quota_files ?? Infinity;
  }

  /** Take the room of a file, or return the reason for which there is none. */
  take(size: number): Refusal | undefined {
    if (this.filesLeft < 1) return { reason: "too_many", files: this.mostFiles };
    if (size > this.bytesLeft) return { reason: "no_room", bytesLeft: Math.max(0, this.bytesLeft) };
    this.bytesLeft -= size;
    this.filesLeft -= 1;
    return undefined;
  }
}
