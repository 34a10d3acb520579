/** What the native network modules of both platforms share: the events that they send to JavaScript. */

import { Agent } from "node:http";
import type { BlobData, Blobs } from "./blobs.ts";
import type { Device } from "./device.ts";
import { exchange, payloadOf, type Answer, type Call, type Exchange, type Payload } from "./http.ts";
import type { Meter } from "./meter.ts";

/** The body of a request as JavaScript hands it over (convertRequestBody.js). */
export interface RequestData {
  string?: string;
  base64?: string;
  uri?: string;
  blob?: BlobData;
  formData?: FormPart[];
}

export interface FormPart {
  string?: string;
  uri?: string;
  headers: [string, string][] | Record<string, string>;
}

/** A request that JavaScript has sent, for tests to look at. */
export interface LoggedRequest {
  method: string;
  url: string;
  /** The key of the body in the bridge, or "none". */
  body: "string" | "base64" | "uri" | "blob" | "formData" | "none";
}

export interface Phone {
  meter: Meter;
  blobs: Blobs;
  device: Device;
  /** Sends an event to JavaScript (RCTDeviceEventEmitter). */
  emit(event: string, args: unknown): void;
  requests: LoggedRequest[];
  /** True once the system has ended the app: nothing is sent any more. */
  isKilled: boolean;
}

export abstract class Networking {
  protected readonly phone: Phone;
  readonly #agent: Agent;
  readonly #exchanges = new Map<number, Exchange>();

  constructor(phone: Phone, connectionsPerHost: number) {
    this.phone = phone;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connectionsPerHost });
  }

  /** Close idle connections, so that a test process can end. */
  close(): void {
    this.#agent.destroy();
  }

  addListener(): void {}
  removeListeners(): void {}

  abortRequest(id: number): void {
    this.#exchanges.get(id)?.cancel();
  }

  protected log(method: string, url: string, data: RequestData): void {
    const keys = ["string", "base64", "uri", "blob", "formData"] as const;
    this.phone.requests.push({ method, url, body: keys.find((key) => data[key] !== undefined) ?? "none" });
  }

  /** Make a payload of bytes that this request alone holds. */
  protected hold(bytes: Buffer, type: string | null): Payload {
    return payloadOf(bytes, type, this.phone.meter.hold("body", bytes.length));
  }

  /** Make a payload of base64. Its characters and its bytes both lie in memory until the request has ended. */
  protected decode(base64: string, type: string | null): Payload {
    const release = this.phone.meter.hold("base64", base64.length);
    const payload = this.hold(Buffer.from(base64, "base64"), type);
    return { ...payload, release: () => (payload.release?.(), release()) };
  }

  /** Send a request and tell JavaScript how it went. */
  protected async run(id: number, call: Omit<Call, "agent">, responseType: string): Promise<void> {
    const running = exchange({ ...call, agent: this.#agent });
    this.#exchanges.set(id, running);
    try {
      this.respond(id, call.url, await running.answer, responseType);
    } catch (error) {
      this.fail(id, (error as Error).message);
    } finally {
      this.#exchanges.delete(id);
    }
  }

  protected fail(id: number, message: string): void {
    this.phone.emit("didCompleteNetworkResponse", [id, message]);
  }

  protected respond(id: number, url: string, answer: Answer, responseType: string): void {
    const { body, headers, status } = answer;
    this.phone.emit("didReceiveNetworkResponse", [id, status, headers, url]);
    this.phone.emit("didReceiveNetworkData", [id, this.#read(body, responseType, headers)]);
    this.phone.emit("didCompleteNetworkResponse", [id, null]);
  }

  #read(body: Buffer, responseType: string, headers: Record<string, string>): unknown {
    if (responseType === "text") return body.toString();
    if (responseType === "base64") return body.toString("base64");
    return { blobId: this.phone.blobs.store(body), offset: 0, size: body.length, type: headers["Content-Type"] ?? "" };
  }
}
