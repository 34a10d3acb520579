import { UploaderError } from "../errors.js";
import { readWhole } from "../files/source.js";
import type { components } from "../schema.js";
import { sendPiece, type Transfer } from "./direct.js";

type Schemas = components["schemas"];

const WHOLE_FILE = 1;
const MOST_REFUSALS = 3;

/**
 * Send a file to S3 in one request. Returns true once S3 has confirmed it, and false if its answer was lost.
 *
 * `signAgain` returns a fresh URL, or null once the file is stored.
 */
export async function sendWhole(
  transfer: Transfer,
  first: Schemas["S3PutTransfer"],
  signAgain: () => Promise<Schemas["S3Transfer"] | null>,
): Promise<boolean> {
  const { source } = transfer;
  let signed = first;
  let [refusals, corruptions] = [0, 0];
  while (refusals + corruptions < MOST_REFUSALS) {
    const chunk = await readWhole(source);
    const piece = { part: WHOLE_FILE, size: source.size, url: signed.url, headers: signed.headers, chunk };
    const outcome = await sendPiece(transfer, piece);
    if (outcome === "stored" || outcome === "unknown") return outcome === "stored";
    if (outcome === "gone") break;
    if (outcome === "corrupt") corruptions += 1;
    else refusals += 1;
    const again = await signAgain();
    if (again?.strategy !== "put") return false;
    signed = again;
  }
  if (corruptions) {
    const message = "S3 received other bytes than the checksum says. Compute `checksum` anew, or leave it out.";
    throw new UploaderError("checksum_mismatch", message, { status: 400 });
  }
  const message =
    "S3 refuses the file, also with a fresh URL. Check the clock of the server, and that the bucket exists.";
  throw new UploaderError("storage_refused", message, { status: 403 });
}

/** A file that goes through the service. */
export interface ServerFile {
  bucket: string;
  fileName: string;
  /** Media type; if empty, the service derives it from the bytes and the name. */
  contentType: string;
  overwrite: boolean;
  /** The Idempotency-Key. */
  key: string;
  checksum: string | undefined;
}

/** Send a file through the service, in one request, and return its record. */
export async function sendThroughServer(transfer: Transfer, file: ServerFile): Promise<Schemas["S3Upload"]> {
  const { meter, patience, service, signal, source } = transfer;
  const path = `buckets/${encodeURIComponent(file.bucket)}/files/${encodeFileName(file.fileName)}/`;
  const record = await service.call<Schemas["S3Upload"]>("PUT", path, {
    query: { overwrite: file.overwrite || undefined },
    headers: {
      // React Native on Android refuses a body without a type. To the service, this one means the same as none.
      "Content-Type": file.contentType || "application/octet-stream",
      "Idempotency-Key": file.key,
      ...(file.checksum ? { "X-Checksum-Sha256": file.checksum } : {}),
    },
    read: () => readWhole(source),
    onSent: (bytes) => meter.sent(WHOLE_FILE, Math.min(bytes, source.size)),
    onLost: () => meter.lost(WHOLE_FILE),
    signal,
    patience,
  });
  meter.stored(WHOLE_FILE, source.size);
  return record;
}

/** Encode a key for a path: slashes stay. */
export function encodeFileName(fileName: string): string {
  return fileName.split("/").map(encodeURIComponent).join("/");
}
