import { once } from "node:events";
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A PUT of a part, as it passed. */
export interface PassedPart {
  uploadId: string;
  part: number;
  /** True once S3 has answered 200. */
  isStored: boolean;
}

/** Stands before S3, passes every request unchanged, and notes the parts. */
export class CountingProxy {
  readonly parts: PassedPart[] = [];
  /** Requests on their way. */
  underway = 0;
  /** Where S3 listens; set before the first request. */
  target = "";
  private readonly agent = new Agent({ keepAlive: true });
  private readonly server = createServer((incoming, outgoing) => this.pass(incoming, outgoing));

  /** Listen, and return the address. */
  async listen(): Promise<string> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.agent.destroy();
    this.server.close();
    await once(this.server, "close");
  }

  /** Wait until every request has ended, also in S3. */
  async idle(): Promise<void> {
    while (this.underway) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  private pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { headers, method, url = "" } = incoming;
    const note = this.noteOf(method, url);
    this.underway += 1;
    // The signature covers the Host header: it stays.
    const upstream = request(new URL(url, this.target), { method, headers, agent: this.agent });
    upstream.once("close", () => (this.underway -= 1));
    upstream.on("error", () => outgoing.destroy());
    upstream.on("response", (response) => {
      if (note && response.statusCode === 200) note.isStored = true;
      outgoing.writeHead(response.statusCode ?? 0, response.headers);
      response.on("error", () => outgoing.destroy());
      response.pipe(outgoing);
    });
    incoming.on("error", () => upstream.destroy());
    outgoing.on("close", () => {
      // A client that was killed in the middle of a part leaves half of a request.
      if (!incoming.complete) upstream.destroy();
    });
    incoming.pipe(upstream);
  }

  private noteOf(method: string | undefined, url: string): PassedPart | undefined {
    const query = new URL(url, "http://s3").searchParams;
    const [part, uploadId] = [query.get("partNumber"), query.get("uploadId")];
    if (method !== "PUT" || !part || !uploadId) return undefined;
    const note = { uploadId, part: Number(part), isStored: false };
    this.parts.push(note);
    return note;
  }
}
