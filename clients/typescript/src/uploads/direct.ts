import { UploaderError } from "../errors.js";
import type { Chunk, Source } from "../files/source.js";
import { isBusy, readRetryAfter } from "../http/answers.js";
import type { Patience } from "../http/retry.js";
import type { Service } from "../http/service.js";
import { ConnectionError, type HttpResponse, type Transport } from "../http/transport.js";
import { sendWatched } from "../http/watchdog.js";
import type { ProgressMeter } from "./progress.js";
import type { Routes } from "./routes.js";

/** Everything that the transfer of one file needs. */
export interface Transfer {
  source: Source;
  service: Service;
  transport: Transport;
  routes: Routes;
  meter: ProgressMeter;
  patience: Patience;
  signal: AbortSignal;
  stallSeconds: number;
  concurrency: number;
  /** False if the app insists on direct uploads. */
  mayChangeRoute: boolean;
}

/** A presigned request, and the piece of the file that it takes. */
export interface PresignedPiece {
  part: number;
  size: number;
  url: string;
  headers: Record<string, string>;
  chunk: Chunk;
}

/**
 * - `stored`: S3 holds the piece.
 * - `expired`: S3 refuses the URL; sign another.
 * - `gone`: the multipart upload or the bucket does not exist any more.
 * - `unknown`: no answer, or one that says nothing of the bytes: ask before they are sent again.
 * - `corrupt`: other bytes arrived than the checksum says: send them again, unless that repeats.
 */
export type Outcome = "stored" | "expired" | "gone" | "unknown" | "corrupt";

/** Answers 400 of S3 that a repetition mends: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const MENDED_BY_REPEATING = /<Code>(RequestTimeout|IncompleteBody)</;
const CORRUPT = /<Code>(BadDigest|XAmzContentSHA256Mismatch|XAmzContentChecksumMismatch)</;

/**
 * Send a piece once. Waits before it returns `unknown` or `corrupt`. Throws what no repetition mends.
 *
 * The bytes that left say nothing about a lost answer: React Native and native uploaders report them at most every
 * 100 ms, and platforms count what waits in a buffer. S3 may also have kept a piece that it, or a proxy, answers with 500.
 */
export async function sendPiece(transfer: Transfer, piece: PresignedPiece): Promise<Outcome> {
  const { meter, patience, routes, signal, stallSeconds, transport } = transfer;
  const { chunk, headers, part, size, url } = piece;
  let sentBytes = 0;
  const onSent = (bytes: number) => {
    sentBytes = bytes;
    meter.sent(part, Math.min(bytes, size));
  };
  const request = { method: "PUT", url, headers, body: chunk.body, signal, onSent };
  try {
    const response = await sendWatched(chunk.transport ?? transport, request, stallSeconds);
    routes.note(url);
    const outcome = judge(response);
    if (outcome === "stored") {
      patience.succeeded();
      meter.stored(part, size);
      return outcome;
    }
    meter.lost(part);
    if (outcome === "unknown" || outcome === "corrupt")
      await patience.wait(describe(response), signal, readRetryAfter(response));
    return outcome;
  } catch (error) {
    meter.lost(part);
    if (!(error instanceof ConnectionError)) throw error;
    if (transfer.mayChangeRoute) await routes.doubt(url, sentBytes);
    await patience.wait(error, signal);
    return "unknown";
  } finally {
    await chunk.release?.();
  }
}

function judge(response: HttpResponse): Outcome {
  const { status, text } = response;
  // 412: a condition of the URL says "only if nothing is there", so an earlier attempt has arrived.
  if ((status >= 200 && status < 300) || status === 412) return "stored";
  if (status === 403) return "expired";
  if (status === 404) return "gone";
  if (isBusy(status) || MENDED_BY_REPEATING.test(text)) return "unknown";
  if (CORRUPT.test(text)) return "corrupt";
  throw describe(response);
}

/** Return the error of an answer of S3, or of a proxy before it. */
export function describe({ status, text }: HttpResponse): UploaderError {
  const said = /<Message>([^<]*)/.exec(text)?.[1] ?? /<Code>([^<]*)/.exec(text)?.[1];
  const message = `S3 answered HTTP ${status}${said ? `: ${said}` : ""}. Check the device's clock.`;
  return new UploaderError("storage_refused", message, { status });
}

/** Return the error of a request that S3 refuses with every URL. */
export function refusedAgain(): UploaderError {
  const message = "S3 refuses freshly signed URLs. Check the server's clock, the bucket and proxies.";
  return new UploaderError("storage_refused", message, { status: 403 });
}
