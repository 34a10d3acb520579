/** An HTTP server that notes what arrives. */

import { createHash } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Arrival {
  method: string;
  headers: IncomingHttpHeaders;
  bytes: number;
  sha256: string;
  /** The body, of at most 1 MiB. */
  text: string;
}

const KEPT_BYTES = 1024 * 1024;

export class Sink {
  readonly arrivals: Arrival[] = [];
  /** Bytes of bodies that have arrived so far. */
  received = 0;
  /** Headers of requests whose body has not arrived yet, too. */
  readonly begun: IncomingHttpHeaders[] = [];
  readonly #server: Server;
  #mayRead: Promise<void> = Promise.resolve();

  private constructor() {
    this.#server = createServer((request, response) => {
      this.begun.push(request.headers);
      this.#read(request).then(
        () => response.end("ok"),
        () => response.destroy(),
      );
    });
  }

  static async start(): Promise<Sink> {
    const sink = new Sink();
    await new Promise<void>((resolve) => sink.#server.listen(0, "127.0.0.1", resolve));
    return sink;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Read no body until the returned function is called. */
  pause(): () => void {
    let resume = (): void => undefined;
    this.#mayRead = new Promise((resolve) => (resume = resolve));
    return resume;
  }

  /** Forget what has arrived. */
  clear(): void {
    this.arrivals.length = this.begun.length = this.received = 0;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #read(request: IncomingMessage): Promise<void> {
    await this.#mayRead;
    const hash = createHash("sha256");
    const kept: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
      this.received += chunk.length;
      if (bytes <= KEPT_BYTES) kept.push(chunk);
    }
    const { headers, method = "" } = request;
    this.arrivals.push({ method, headers, bytes, sha256: hash.digest("hex"), text: Buffer.concat(kept).toString() });
  }
}
