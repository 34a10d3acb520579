import type { IncomingMessage, ServerResponse } from "node:http";
import type { Answer } from "./answers.js";
import type { FaultKind, RequestFacts } from "./faults.js";

/** A request that passed the proxy, or did not. Times in milliseconds since 1970. */
export interface LoggedRequest extends RequestFacts {
  path: string;
  /** The part of a multipart upload; 1 for a file in one request. */
  part: number;
  /** Names of the headers, in lower case. */
  headers: string[];
  fault?: FaultKind;
  startedAt: number;
  /** Bytes of the body that arrived at the proxy. */
  bytes: number;
  /** The status with which the other side answered. It may not have reached the client. */
  upstreamStatus?: number;
  answeredAt?: number;
  /** The status that reached the client as a whole answer. */
  delivered?: number;
}

/** A request on its way. `json`: its body, if that has been read already. */
export interface Passing {
  request: IncomingMessage;
  response: ServerResponse;
  entry: LoggedRequest;
  json: Buffer | undefined;
}

/** A browser repeats a request by itself, unseen, if a connection breaks that has carried an answer before. */
const CLOSES = { connection: "close" };

/** Send a whole answer, and note that the client has it. */
export function deliver({ entry, response }: Passing, { body, headers, status }: Answer): void {
  response.on("finish", () => (entry.delivered = status));
  response.writeHead(status, { ...headers, ...CLOSES, "content-length": body.length });
  response.end(body);
}

/** Send a part of the answer, which promises at least one byte more. */
export function truncate({ response }: Passing, { body, headers, status }: Answer, share: number): void {
  response.writeHead(status, { ...headers, ...CLOSES, "content-length": body.length + 1 });
  response.write(body.subarray(0, Math.floor(share * body.length)));
  response.flushHeaders();
  setImmediate(() => response.socket?.destroy());
}

/** Return the whole body. */
export async function readAll(message: IncomingMessage): Promise<Buffer> {
  return Buffer.concat((await message.toArray()) as Buffer[]);
}

/** Read a share of the body, 0 to 1, and then no more. */
export async function readShare(request: IncomingMessage, share: number): Promise<void> {
  const most = share * lengthOf(request);
  let bytes = 0;
  if (!most || request.readableEnded) return;
  await new Promise<void>((resolve) => {
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes < most) return;
      request.pause();
      resolve();
    });
    request.on("close", resolve);
    request.resume();
  });
}

/** Return the announced bytes of the body. */
export function lengthOf({ headers }: IncomingMessage): number {
  return Number(headers["content-length"] ?? 0);
}

/** Return what tells one signed URL from another. */
export function readSignature(url: string): string {
  return /X-Amz-Signature=(\w+)/.exec(url)?.[1] ?? "";
}

/** Break a connection, so that the client gets no answer. */
export function breakOff(request: IncomingMessage): void {
  request.socket.resetAndDestroy();
}
