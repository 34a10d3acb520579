import { UploaderError } from "../errors.js";
import type { Chunk } from "../files/source.js";
import { isTransient, readBody, readError } from "./answers.js";
import type { Connectivity } from "./connectivity.js";
import { Patience } from "./retry.js";
import { ConnectionError, type HttpRequest, type HttpResponse, type Transport } from "./transport.js";
import { sendWatched } from "./watchdog.js";

/**
 * Returns the value of the `Authorization` header, such as `Token 9944b091`; null sends none.
 *
 * An error counts as a lost connection, and is repeated; an `UploaderError` ends the request.
 */
export type Authorize = (request: { rejected: boolean }) => string | null | Promise<string | null>;

export interface ServiceOptions {
  baseUrl: string;
  authorization?: Authorize | undefined;
  headers?: (() => Record<string, string>) | undefined;
  credentials: boolean;
  transport: Transport;
  connectivity: Connectivity;
  stallSeconds: number;
}

/** Fields of a query or of a JSON body; undefined ones are left out. */
export type Fields = Record<string, string | number | boolean | undefined>;

export interface Call {
  query?: Fields | undefined;
  json?: unknown;
  headers?: Record<string, string> | undefined;
  signal?: AbortSignal | undefined;
  /** Reads the bytes to send instead of JSON, anew for every attempt. */
  read?: () => Promise<Chunk>;
  onSent?: ((bytes: number) => void) | undefined;
  /** Called if an attempt failed. */
  onLost?: (() => void) | undefined;
  /** False if a second request has a second effect: then a lost answer, and one of a proxy, is an error. */
  repeatable?: boolean;
  /** Decides how long to go on, for several calls together. Default: 20 seconds for this one. */
  patience?: Patience | undefined;
}

const CALL_PATIENCE_SECONDS = 20;

/** The service's HTTP interface: credentials, retries and errors in one place. */
export class Service {
  constructor(readonly options: ServiceOptions) {}

  /**
   * Send a request until it is answered, and return the JSON of the answer; nothing for 204.
   *
   * Throws `UploaderError`: the service's own code, `bad_answer`, `connection_lost` or `cancelled`.
   */
  async call<T = void>(method: string, path: string, call: Call = {}): Promise<T> {
    return readBody<T>(await this.respond(method, path, call));
  }

  /** Send a request until it is answered with success, and return the response. */
  async respond(method: string, path: string, call: Call): Promise<HttpResponse> {
    const patience =
      call.patience ?? new Patience(this.options.connectivity, CALL_PATIENCE_SECONDS, undefined, Date.now());
    let rejected = false;
    for (let attempt = 0; ; attempt += 1) {
      try {
        const response = await this.send(method, path, call, rejected);
        if (response.status < 300) return response;
        call.onLost?.();
        const error = readError(response);
        if (error.status === 401 && !rejected && this.options.authorization) rejected = true;
        else if (isTransient(error) && mayRepeat(call, error))
          await patience.wait(error, call.signal, error.retryAfter, attempt);
        else throw error;
      } catch (error) {
        if (!(error instanceof ConnectionError) || call.repeatable === false)
          throw error instanceof ConnectionError ? lost(error) : error;
        call.onLost?.();
        await patience.wait(error, call.signal, 0, attempt);
      }
    }
  }

  private async send(method: string, path: string, call: Call, rejected: boolean): Promise<HttpResponse> {
    const { headers, transport, stallSeconds, credentials } = this.options;
    const credential = await this.authorize(rejected);
    const chunk = await call.read?.();
    const request: HttpRequest = {
      method,
      url: this.address(path, call.query),
      headers: {
        Accept: "application/json",
        ...(call.json === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers?.(),
        ...(credential ? { Authorization: credential } : {}),
        ...call.headers,
      },
      body: chunk?.body ?? (call.json === undefined ? undefined : JSON.stringify(call.json)),
      signal: call.signal,
      credentials,
      onSent: call.onSent,
    };
    try {
      return await sendWatched(chunk?.transport ?? transport, request, stallSeconds);
    } finally {
      await chunk?.release?.();
    }
  }

  /** An app that cannot get a token at the moment, for example offline, is asked again. */
  private async authorize(rejected: boolean): Promise<string | null> {
    try {
      return (await this.options.authorization?.({ rejected })) ?? null;
    } catch (cause) {
      if (cause instanceof UploaderError) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new ConnectionError(`authorization failed: ${why}`, { cause });
    }
  }

  /** Return the URL of a path of the service. */
  private address(path: string, query: Call["query"] = {}): string {
    if (path.split("/").some((segment) => segment === "." || segment === "..")) {
      // Every URL parser resolves such a segment, so that the request would reach another address.
      throw new UploaderError("invalid", `No name has a part "." or "..": ${path}`);
    }
    const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
    const encoded = pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&");
    return `${this.options.baseUrl.replace(/\/+$/, "")}/${path}${encoded && `?${encoded}`}`;
  }
}

/** What several calls of one upload share. */
export interface Asker extends Pick<Call, "patience" | "signal"> {
  service: Service;
}

/** Send a request on behalf of an upload. */
export function ask<T = void>(asker: Asker, method: string, path: string, call: Call = {}): Promise<T> {
  const { patience, service, signal } = asker;
  return service.call<T>(method, path, { ...call, patience, signal });
}

/** A request of which a second one has a second effect is repeated only if the first one surely had none. */
function mayRepeat({ repeatable = true }: Call, { code }: UploaderError): boolean {
  return repeatable || code === "throttled";
}

function lost(cause: ConnectionError): UploaderError {
  const message = "The answer was lost. Look before you try again.";
  return new UploaderError("connection_lost", message, { cause });
}
