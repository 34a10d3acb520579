import { linkAbort } from "./abort.js";
import { ConnectionError, type HttpRequest, type HttpResponse, type Transport } from "./transport.js";

/**
 * Send a request, and abort it once nothing moves for `seconds`.
 *
 * React Native has no time-outs, and a phone that changes its network often keeps a dead connection open. The time
 * counts from the last bytes that left. It doubles while the client waits for the answer, since S3 assembles then.
 */
export async function sendWatched(transport: Transport, request: HttpRequest, seconds: number): Promise<HttpResponse> {
  const linked = linkAbort(request.signal);
  const state = { stalled: false, ended: false };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const watch = (patience: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      state.stalled = true;
      linked.abort();
    }, patience * 1000);
  };
  const { body, onSent } = request;
  const size = body === undefined ? 0 : sizeOf(body);
  watch(size ? seconds : 2 * seconds);
  try {
    return await transport({
      ...request,
      signal: linked.signal,
      onSent: (bytes) => {
        if (state.ended) return; // The other side answered before it had read everything.
        watch(bytes < size ? seconds : 2 * seconds);
        onSent?.(bytes);
      },
    });
  } catch (error) {
    throw state.stalled ? new ConnectionError(`Stalled for ${seconds} seconds.`) : error;
  } finally {
    state.ended = true;
    clearTimeout(timer);
    linked.unlink();
  }
}

function sizeOf(body: NonNullable<HttpRequest["body"]>): number {
  if (typeof body === "string") return body.length;
  if (body instanceof Uint8Array) return body.byteLength;
  return "size" in body ? body.size : 0;
}
