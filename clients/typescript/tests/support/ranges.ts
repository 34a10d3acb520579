import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What goes wrong with a request. */
export interface RangeFault {
  status?: number;
  /** Cut the connection after so many bytes of the body. */
  cutAfter?: number;
  /** Send so many bytes of the body, and then nothing. */
  stallAfter?: number;
  /** Send other headers, too; an empty string removes one. */
  headers?: Record<string, string>;
}

/** Serves one file as S3 does, with Range and If-Range, and fails as a test says. */
export class RangeServer {
  content: Uint8Array = new Uint8Array();
  readonly faults: (RangeFault | undefined)[] = [];
  /** Range, status and bytes sent of each request. */
  readonly seen: { range: string | undefined; status: number; bytes: number }[] = [];
  private readonly server = createServer((request, response) => this.answer(request, response));

  async listen(): Promise<string> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }

  private answer({ headers: { "if-range": ifRange, range } }: IncomingMessage, response: ServerResponse): void {
    const fault = this.faults.shift() ?? {};
    const etag = `"${createHash("md5").update(this.content).digest("hex")}"`;
    const first = range && (!ifRange || ifRange === etag) ? Number(/^bytes=(\d+)-$/.exec(range)?.[1]) : 0;
    const total = this.content.byteLength;
    const isOutside = first > 0 && first >= total;
    const status = fault.status ?? (isOutside ? 416 : first ? 206 : 200);
    const body = status >= 300 ? new Uint8Array() : this.content.subarray(first);
    const contentRange = isOutside ? `bytes */${total}` : `bytes ${first}-${total - 1}/${total}`;
    const headers = { ETag: etag, ...(first ? { "Content-Range": contentRange } : {}), ...fault.headers };
    response.writeHead(status, {
      "Content-Length": body.byteLength,
      ...Object.fromEntries(Object.entries(headers).filter(([, value]) => value)),
    });
    const bytes = Math.min(fault.cutAfter ?? fault.stallAfter ?? body.byteLength, body.byteLength);
    this.seen.push({ range, status, bytes });
    if (fault.stallAfter !== undefined) response.write(body.subarray(0, bytes));
    else if (fault.cutAfter === undefined) response.end(body);
    else response.write(body.subarray(0, bytes), () => setTimeout(() => response.destroy(), 20));
  }
}
