import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import type { FaultKind } from "./faults.js";

/** A whole answer. */
export interface Answer {
  status: number;
  headers: IncomingHttpHeaders | OutgoingHttpHeaders;
  body: Buffer;
}

/** S3 allows every origin to read its errors; a proxy before it does not. */
const OF_S3 = { "content-type": "application/xml", "access-control-allow-origin": "*" };
const OF_A_PROXY = { "content-type": "text/html" };

/** Return what S3, or a proxy in the way, answers in place of success. */
export function answerFault(kind: FaultKind, side: "service" | "store"): Answer {
  if (kind === "expire") return answer(403, OF_S3, xml("AccessDenied", "Request has expired"));
  const isS3 = side === "store";
  if (kind === "busy-503") {
    const body = isS3 ? xml("SlowDown", "Please reduce your request rate.") : html("503 Service Unavailable");
    const exposed = { "retry-after": "1", "access-control-expose-headers": "Retry-After" };
    return answer(503, { ...(isS3 ? OF_S3 : OF_A_PROXY), ...exposed }, body);
  }
  if (kind === "error-500" && isS3) return answer(500, OF_S3, xml("InternalError", "Please try again."));
  const status = kind === "error-500" ? 500 : 502;
  return answer(status, OF_A_PROXY, html(`${status} ${status === 500 ? "Internal Server Error" : "Bad Gateway"}`));
}

function answer(status: number, headers: OutgoingHttpHeaders, text: string): Answer {
  return { status, headers, body: Buffer.from(text) };
}

function xml(code: string, message: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
}

function html(title: string): string {
  return `<html><head><title>${title}</title></head><body><center><h1>${title}</h1></center></body></html>`;
}
