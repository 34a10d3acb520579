import { UploaderError } from "../errors.js";
import type { components } from "../schema.js";
import type { HttpResponse } from "./transport.js";

type ErrorBody = components["schemas"]["S3Error"];

/** Errors with such a status or code that no repetition mends. */
const FINAL_CODES = ["quota_exceeded", "storage_not_configured", "storage_error"];
const SHOWN_CHARACTERS = 200;

/** Return true if the same request may succeed later. */
export function isTransient(error: UploaderError): boolean {
  if (FINAL_CODES.includes(error.code)) return false;
  return isBusy(error.status) || error.code === "upload_in_progress";
}

/** Return true for the status of a server, or of a proxy before it, that may answer better later. */
export function isBusy(status: number): boolean {
  return status >= 500 || status === 408 || status === 429;
}

/** Return the seconds of a `Retry-After` header in either of its forms, or undefined. */
export function readRetryAfter(response: HttpResponse): number | undefined {
  const value = response.header("Retry-After");
  if (!value) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

/** Return the error of the service's response, or of whatever answered in its place. */
export function readError(response: HttpResponse): UploaderError {
  const { status, text } = response;
  const retryAfter = readRetryAfter(response);
  const body = parseJson(text) as Partial<ErrorBody> | undefined;
  if (typeof body?.code === "string") {
    const { code, detail, limit, errors } = body;
    return new UploaderError(code, detail ?? code, { status, retryAfter, limit, errors });
  }
  const shown = text
    .replace(/(<[^>]*>|\s)+/g, " ")
    .trim()
    .slice(0, SHOWN_CHARACTERS);
  const message = `HTTP ${status}, but not from the service. Check \`baseUrl\` and proxies.`;
  return new UploaderError("bad_answer", shown ? `${message} It said: ${shown}` : message, { status, retryAfter });
}

/** Return the body of a successful response. Throws `bad_answer` if it is not JSON, as behind a captive portal. */
export function readBody<T>(response: HttpResponse): T {
  if (response.status === 204) return undefined as T;
  const body = parseJson(response.text);
  if (body === undefined) throw readError(response);
  return body as T;
}

function parseJson(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
