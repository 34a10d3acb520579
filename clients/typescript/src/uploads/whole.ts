import { UploaderError } from "../errors.js";
import { readWhole } from "../files/source.js";
import { ask, type Fields } from "../http/service.js";
import type { components } from "../schema.js";
import { refusedAgain, sendPiece, type Transfer } from "./direct.js";

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
    const message = "The bytes do not match `checksum`. Compute it anew, or leave it out.";
    throw new UploaderError("checksum_mismatch", message, { status: 400 });
  }
  throw refusedAgain();
}

/** The request for a file that goes through the service. */
export interface ServerFile {
  path: string;
  query: Fields;
  headers: Record<string, string>;
}

/** Send a file through the service, in one request, and return its record. */
export async function sendThroughServer(
  transfer: Transfer,
  { path, ...call }: ServerFile,
): Promise<Schemas["S3Upload"]> {
  const { meter, source } = transfer;
  const record = await ask<Schemas["S3Upload"]>(transfer, "PUT", path, {
    ...call,
    read: () => readWhole(source),
    onSent: (bytes) => meter.sent(WHOLE_FILE, Math.min(bytes, source.size)),
    onLost: () => meter.lost(WHOLE_FILE),
  });
  meter.stored(WHOLE_FILE, source.size);
  return record;
}
