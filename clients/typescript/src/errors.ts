import type { components } from "./schema.js";

type Schemas = components["schemas"];
type FieldErrorShape = Schemas["S3FieldError"];

/** Codes that the service answers, as its page of errors lists them. */
export type ServiceErrorCode = Schemas["S3ErrorCode"];

/**
 * Codes that the client itself raises.
 *
 * - `cancelled`: the app cancelled the upload, or aborted its `signal`.
 * - `connection_lost`: nothing succeeded for `patienceSeconds`. Resume the upload.
 * - `bad_answer`: a proxy or another server answered in place of the service.
 * - `storage_refused`: S3 refused the bytes, also with a fresh URL.
 * - `checksum_unavailable`: the platform computes no SHA-256.
 * - `file_needs_adapter`: a large file of React Native needs `files`, to be read in parts.
 * - `file_unreadable`: the file cannot be read, or the value is no file.
 * - `file_changed`: the file is not the one whose upload is resumed.
 * - `file_unwritable`: a download cannot be written to the disk.
 * - `journal_failed`: the `storage`, which remembers unfinished uploads, does not work.
 */
export type ClientErrorCode =
  | "cancelled"
  | "connection_lost"
  | "bad_answer"
  | "storage_refused"
  | "checksum_unavailable"
  | "file_needs_adapter"
  | "file_unreadable"
  | "file_changed"
  | "file_unwritable"
  | "journal_failed";

/** An error of one field: `code` for programs, `detail` for people. */
export interface FieldError extends FieldErrorShape {}

/** Every code of an `UploaderError`. A newer service may answer a code that this version does not know. */
export type ErrorCode = ServiceErrorCode | ClientErrorCode | (string & {});

/** Details of an `UploaderError` besides its message. */
export interface ErrorDetails {
  /** HTTP status; 0 if the error is the client's own. */
  status?: number;
  /** Seconds after which the service takes the next request. */
  retryAfter?: number | undefined;
  /** The limits of the policy that forbid the request, such as `max_file_bytes`. */
  limit?: Record<string, unknown> | undefined;
  /** The errors of each field, if the request did not validate. */
  errors?: Record<string, FieldError[]> | undefined;
  /** The error below, if there is one. */
  cause?: unknown;
}

/** The one error that this package throws. Decide by `code`. Show `message`: it says what to do next. */
export class UploaderError extends Error {
  override readonly name = "UploaderError";
  /** A stable code, for programs. */
  readonly code: ErrorCode;
  /** HTTP status; 0 if the error is the client's own. */
  readonly status: number;
  /** Seconds after which the service takes the next request. */
  readonly retryAfter: number | undefined;
  /** The limits of the policy that forbid the request, such as `max_file_bytes`. */
  readonly limit: Record<string, unknown> | undefined;
  /** The errors of each field, if the request did not validate. */
  readonly errors: Record<string, FieldError[]> | undefined;
  /** The error below, if there is one. */
  readonly cause: unknown;

  /** @internal */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message);
    this.code = code;
    this.status = details.status ?? 0;
    this.retryAfter = details.retryAfter;
    this.limit = details.limit;
    this.errors = details.errors;
    this.cause = details.cause;
  }
}

/** Create the error of a cancelled upload or request. */
export function cancelled(): UploaderError {
  return new UploaderError("cancelled", "Cancelled. Start it again.");
}

/** Throw if the signal has been aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled();
}

/** Return any failure as an `UploaderError`. Only reading a file throws others. */
export function toUploaderError(error: unknown): UploaderError {
  if (error instanceof UploaderError) return error;
  if (error instanceof Error && error.name === "ConnectionError") {
    return new UploaderError("connection_lost", error.message, { cause: error });
  }
  const why = error instanceof Error ? error.message : String(error);
  return new UploaderError("file_unreadable", `The file cannot be read: ${why}`, { cause: error });
}

/** Return true if an error has one of the codes. */
export function hasCode(error: unknown, ...codes: ErrorCode[]): boolean {
  return error instanceof UploaderError && codes.includes(error.code);
}

/** Return true if the service knows no such upload or file. */
export function isGone(error: unknown): boolean {
  return hasCode(error, "upload_not_found", "file_not_found");
}

/** Return true if the upload can go on later from what S3 holds. */
export function isResumable({ code, status }: UploaderError): boolean {
  if (status === 0) return code !== "cancelled";
  return status >= 500 || [401, 408].includes(status) || ["throttled", "bad_answer", "storage_refused"].includes(code);
}
