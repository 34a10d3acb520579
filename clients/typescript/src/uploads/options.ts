import type { UploadProgress } from "./progress.js";

/**
 * The state of an upload.
 *
 * - `queued`: other uploads come first.
 * - `preparing`: the client opens the file and asks the service for URLs.
 * - `uploading`: bytes are on their way.
 * - `waiting`: the device is offline, or the client waits before the next attempt.
 * - `completing`: S3 has the bytes, and the service verifies them.
 * - `paused`, `failed`: `resume()` goes on from the parts that S3 holds.
 * - `stored`, `cancelled`: the end.
 */
export type UploadState =
  "queued" | "preparing" | "uploading" | "waiting" | "completing" | "paused" | "failed" | "stored" | "cancelled";

/** Options of one upload. Only `bucket` is required. */
export interface UploadOptions {
  /** An existing bucket. */
  bucket: string;
  /** Default: the name of the file. The key ends with it. With `via: "server"` and `overwrite` it is the key. */
  fileName?: string | undefined;
  /** Media type. Default: the type of the file; otherwise the service derives it from the name. */
  contentType?: string | undefined;
  /** Replace your own file of this name. The file then goes through the server, since direct uploads have keys of their own. */
  overwrite?: boolean | undefined;
  /**
   * SHA-256 in lower-case hex, which the service compares. `"auto"` (default) computes it for files below 16 MiB where the
   * platform can, `true` for every file, which reads it twice; `false` never.
   */
  checksum?: "auto" | boolean | (string & {}) | undefined;
  /**
   * `"auto"` (default) sends the file to S3, in parts from 16 MiB on. Small files, and all where S3 cannot be reached, go
   * through the server.
   */
  via?: "auto" | "parts" | "put" | "server" | undefined;
  /** Parts sent at once. Default: 3. */
  concurrency?: number | undefined;
  /**
   * Idempotency-Key, unique among the uploads of the user: up to 248 printable ASCII characters. An upload with the same key
   * and file resumes. Default: random.
   */
  key?: string | undefined;
  /** Staff only: the primary key of the user who will own the file. */
  userId?: string | undefined;
  /** Aborting it cancels the upload. */
  signal?: AbortSignal | undefined;
  /** Called after each change, at most every 100 ms, and once at the end. */
  onProgress?: ((progress: UploadProgress) => void) | undefined;
  /** Called with each new state. */
  onState?: ((state: UploadState) => void) | undefined;
}
