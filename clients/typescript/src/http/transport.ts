/** A file on the device of React Native, which XMLHttpRequest sends by its address. */
export interface UriBody {
  uri: string;
  name?: string;
  type?: string;
}

/** Bytes that can be read from the beginning as often as they are sent. A chunk lasts until the next is read. Node.js only. */
export interface StreamBody {
  size: number;
  stream(): AsyncIterable<Uint8Array>;
}

export type Body = string | Uint8Array | Blob | UriBody | StreamBody;

export interface HttpRequest {
  method: string;
  url: string;
  headers?: Record<string, string> | undefined;
  body?: Body | undefined;
  signal?: AbortSignal | undefined;
  /** Send cookies to another origin, too. */
  credentials?: boolean | undefined;
  /** Called with the bytes of the body that left so far. */
  onSent?: ((bytes: number) => void) | undefined;
}

export interface HttpResponse {
  status: number;
  text: string;
  /** The value of a header, or null. */
  header(name: string): string | null;
}

/**
 * Send one request and return the whole response. A body has to be reported by `onSent` as it leaves: a request of
 * which nothing is heard counts as stalled.
 *
 * Throws `ConnectionError` if no response arrived, and `UploaderError` with code `cancelled` once `signal` is aborted.
 */
export type Transport = (request: HttpRequest) => Promise<HttpResponse>;

/** No response arrived: the network is gone, the server closed the connection, or a browser hides why. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";

  constructor(
    message: string,
    readonly details: { cause?: unknown } = {},
  ) {
    super(message);
  }
}
