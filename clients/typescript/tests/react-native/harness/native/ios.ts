/** Networking of iOS, after RCTNetworking.mm, RCTNetworkTask.mm, RCTFileRequestHandler.mm and RCTBlobManager.mm. */

import { randomBytes } from "node:crypto";
import { readWhole } from "./device.ts";
import { payloadOf, type Payload } from "./http.ts";
import { Networking, type FormPart, type Phone, type RequestData } from "./networking.ts";

/** `NSURLSessionConfiguration.HTTPMaximumConnectionsPerHost` of iOS. */
const CONNECTIONS_PER_HOST = 4;

interface Query {
  method: string;
  url: string;
  data: RequestData;
  headers: Record<string, string>;
  responseType: string;
}

export class IosNetworking extends Networking {
  #lastId = 0;

  constructor(phone: Phone) {
    super(phone, CONNECTIONS_PER_HOST);
  }

  /** `callback` gets the id of the request, once its body is built. */
  sendRequest(query: Query, callback: (id: number) => void): void {
    if (this.phone.isKilled) return;
    this.log(query.method, query.url, query.data);
    setImmediate(() => void this.#send(query, callback));
  }

  async #send({ method, url, data, headers, responseType }: Query, callback: (id: number) => void): Promise<void> {
    if (url.startsWith("file:")) return this.#readBlob(url, responseType, callback);
    let payload: Payload | null;
    try {
      payload = await this.#payloadOf(data);
    } catch {
      return; // RCTNetworking.mm logs the error and tells JavaScript nothing: the request stays without an answer.
    }
    const named = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    if (payload?.type && (!named["content-type"] || payload.type.startsWith("multipart"))) {
      named["content-type"] = payload.type;
    }
    const id = this.#lastId++;
    callback(id);
    const onSent = (bytes: number) => this.phone.emit("didSendNetworkData", [id, bytes, payload?.length ?? 0]);
    await this.run(id, { method, url, headers: named, payload, onSent }, responseType);
  }

  async #readBlob(url: string, responseType: string, callback: (id: number) => void): Promise<void> {
    const id = this.#lastId++;
    callback(id);
    const file = this.phone.device.find(url);
    if (!file) return this.fail(id, "The file couldn’t be opened because there is no such file.");
    const body = await readWhole(file);
    this.respond(id, url, { status: 200, headers: { "Content-Type": file.type }, body }, responseType);
  }

  async #payloadOf(data: RequestData): Promise<Payload | null> {
    if (data.blob) {
      const resolved = this.phone.blobs.resolve(data.blob);
      if (!resolved) throw new Error("attempt to insert nil object");
      const type = data.blob.type || "application/octet-stream";
      return resolved.copied ? this.hold(resolved.bytes, type) : payloadOf(resolved.bytes, type);
    }
    if (data.string !== undefined) return payloadOf(Buffer.from(data.string), null);
    if (data.base64 !== undefined) return this.decode(data.base64, null);
    if (data.uri !== undefined) return this.#filePayload(data.uri);
    return data.formData ? this.#formPayload(data.formData) : null;
  }

  /** A file is read whole before the request begins. */
  async #filePayload(uri: string): Promise<Payload> {
    const file = this.phone.device.find(uri);
    if (!file) throw new Error("No such file");
    const release = this.phone.meter.hold("body", file.size);
    return payloadOf(await readWhole(file), file.type || null, release);
  }

  /** RCTHTTPFormDataHelper builds the whole form in memory. */
  async #formPayload(parts: FormPart[]): Promise<Payload> {
    const boundary = randomBytes(35).toString("hex");
    const pieces: Buffer[] = [];
    for (const part of parts) {
      const body = await this.#payloadOf(part);
      const headers = {
        ...(part.headers as Record<string, string>),
        ...(body?.type ? { "content-type": body.type } : {}),
      };
      const written = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      pieces.push(Buffer.from(`--${boundary}\r\n${written.join("")}\r\n`));
      for await (const chunk of body?.chunks() ?? []) pieces.push(Buffer.from(chunk));
      pieces.push(Buffer.from("\r\n"));
      body?.release?.();
    }
    pieces.push(Buffer.from(`--${boundary}--\r\n`));
    return this.hold(Buffer.concat(pieces), `multipart/form-data; boundary=${boundary}`);
  }
}
