/**
 * Networking of Android, after NetworkingModule.kt, RequestBodyUtil.kt, ProgressRequestBody.kt and NetworkEventUtil.kt, over
 * OkHttp 4.9.2.
 */

import { randomUUID } from "node:crypto";
import { INT_MAX, readWhole } from "./device.ts";
import { payloadOf, type Payload } from "./http.ts";
import { Networking, type FormPart, type Phone, type RequestData } from "./networking.ts";

/** OkHttp's `Dispatcher.maxRequestsPerHost`. */
const CONNECTIONS_PER_HOST = 5;
/** `CHUNK_TIMEOUT_NS` of NetworkingModule.kt. */
const PROGRESS_MILLISECONDS = 100;

export class AndroidNetworking extends Networking {
  constructor(phone: Phone) {
    super(phone, CONNECTIONS_PER_HOST);
  }

  sendRequest(
    method: string,
    url: string,
    id: number,
    headers: [string, string][],
    data: RequestData,
    responseType: string,
  ): void {
    if (this.phone.isKilled) return;
    this.log(method, url, data);
    setImmediate(() => void this.#send(method, url, id, headers, data, responseType));
  }

  async #send(
    method: string,
    url: string,
    id: number,
    headers: [string, string][],
    data: RequestData,
    responseType: string,
  ): Promise<void> {
    try {
      // UriHandler of BlobModule.kt: `fetch` of a file becomes a blob of all its bytes.
      if (!/^https?:/.test(url) && responseType === "blob") return await this.#readBlob(url, id);
      const named = Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]));
      const payload = /^(GET|HEAD)$/.test(method) ? null : this.#payloadOf(data, named["content-type"] ?? null);
      // OkHttp's BridgeInterceptor takes the type of the body.
      if (payload?.type) named["content-type"] = payload.type;
      const onSent = this.#reportProgress(id, payload?.length ?? 0);
      const call = { method, url, headers: named, payload, onSent, losesEarlyAnswers: true };
      await this.run(id, call, responseType);
    } catch (error) {
      this.fail(id, (error as Error).message);
    }
  }

  /** Report at most every 100 ms, and when the count equals the announced length. Java's ints wrap over 2 GiB. */
  #reportProgress(id: number, length: number): (bytes: number) => void {
    let last = performance.now();
    return (bytes) => {
      const now = performance.now();
      if (bytes !== length && now - last <= PROGRESS_MILLISECONDS) return;
      last = now;
      this.phone.emit("didSendNetworkData", [id, toInt(bytes), toInt(length)]);
    };
  }

  async #readBlob(uri: string, id: number): Promise<void> {
    const file = this.phone.device.find(uri);
    if (!file) return this.fail(id, `File not found for ${uri}`);
    if (file.size > INT_MAX) return this.fail(id, "OutOfMemoryError: Requested array size exceeds VM limit");
    const body = await readWhole(file);
    this.respond(id, uri, { status: 200, headers: { "Content-Type": file.type }, body }, "blob");
  }

  #payloadOf(data: RequestData, type: string | null): Payload | null {
    if (data.blob) return this.#blobPayload(data.blob, type);
    if (data.formData) return this.#formPayload(data.formData);
    const body = data.string ?? data.base64 ?? data.uri;
    if (body === undefined) return null;
    if (type === null) throw new Error("Payload is set but no content-type header specified");
    if (data.string !== undefined) return payloadOf(Buffer.from(data.string), type);
    if (data.base64 !== undefined) return this.decode(data.base64, type);
    return this.#streamPayload(body, type);
  }

  #blobPayload(blob: NonNullable<RequestData["blob"]>, type: string | null): Payload {
    const resolved = this.phone.blobs.resolve(blob);
    if (!resolved) throw new Error("Required value was null.");
    const { bytes, copied } = resolved;
    const named = type ?? "application/octet-stream";
    return copied ? this.hold(bytes, named) : payloadOf(bytes, named);
  }

  /** Stream a file. Its length is what `available()` says. */
  #streamPayload(uri: string, type: string): Payload {
    const file = this.phone.device.find(uri);
    if (!file) throw new Error(`Could not retrieve file for uri ${uri}`);
    return { type, length: file.available, chunks: () => file.stream() };
  }

  /** OkHttp's MultipartBody, which streams its parts. */
  #formPayload(parts: FormPart[]): Payload {
    const boundary = randomUUID();
    const pieces = parts.flatMap((part) => this.#formPieces(part, boundary));
    pieces.push(payloadOf(Buffer.from(`--${boundary}--\r\n`), null));
    return {
      type: `multipart/form-data; boundary=${boundary}`,
      length: pieces.reduce((sum, piece) => sum + piece.length, 0),
      async *chunks() {
        for (const piece of pieces) yield* piece.chunks();
      },
    };
  }

  #formPieces({ headers, string, uri }: FormPart, boundary: string): Payload[] {
    const lines = headers as [string, string][];
    const type = lines.find(([name]) => name === "content-type")?.[1];
    if (string === undefined && !type) throw new Error("Binary FormData part needs a content-type header.");
    const body =
      string === undefined ? this.#streamPayload(uri ?? "", type ?? "") : payloadOf(Buffer.from(string), null);
    const written = lines.filter(([name]) => name !== "content-type").map(([name, value]) => `${name}: ${value}\r\n`);
    const typed = type ? `Content-Type: ${type}\r\n` : "";
    const head = `--${boundary}\r\n${written.join("")}${typed}Content-Length: ${body.length}\r\n\r\n`;
    return [payloadOf(Buffer.from(head), null), body, payloadOf(Buffer.from("\r\n"), null)];
  }
}

/** Kotlin's `Long.toInt()`. */
function toInt(value: number): number {
  return Number(BigInt.asIntN(32, BigInt(value)));
}
