import { cancelled, throwIfAborted } from "../errors.js";
import { ConnectionError, type HttpRequest, type HttpResponse } from "./transport.js";

/** Send a request by a native uploader, and translate its failures to those of a transport. */
export async function sendNatively(request: HttpRequest, send: () => Promise<HttpResponse>): Promise<HttpResponse> {
  throwIfAborted(request.signal);
  try {
    return await send();
  } catch (cause) {
    if (request.signal?.aborted) throw cancelled();
    throw new ConnectionError("The connection was lost.", { cause });
  }
}

/** Return a function that finds a header in any case. */
export function readHeaders(headers: Record<string, string>): HttpResponse["header"] {
  const lowerCase = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return (name) => lowerCase.get(name.toLowerCase()) ?? null;
}
