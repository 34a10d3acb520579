import { UploaderError } from "../errors.js";
import type { Source } from "../files/source.js";
import type { UploadOptions } from "./options.js";

/** Larger files go in parts. Reading them twice would cost more than it is worth. */
const LARGEST_AUTOMATIC_BYTES = 16 * 1024 * 1024;

/** Return the SHA-256 to announce, or undefined. Throws `checksum_unavailable` if the platform cannot compute it. */
export async function readChecksum(
  source: Source,
  wanted: UploadOptions["checksum"] = "auto",
): Promise<string | undefined> {
  if (wanted === false) return undefined;
  if (wanted === "auto") return source.size < LARGEST_AUTOMATIC_BYTES ? source.digest?.() : undefined;
  if (wanted !== true) return wanted;
  if (source.digest) return source.digest();
  const message = "This platform computes no SHA-256. Pass `checksum`.";
  throw new UploaderError("checksum_unavailable", message);
}
