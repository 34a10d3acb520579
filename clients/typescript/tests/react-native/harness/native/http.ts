/** One HTTP exchange as OkHttp and NSURLSession make it, on Node's `http`. */

import { request as open, type Agent, type ClientRequest, type IncomingMessage } from "node:http";

/** The body of a request. `length` in bytes is announced in `Content-Length`, right or wrong. */
export interface Payload {
  type: string | null;
  length: number;
  chunks(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Let go of what lies in memory. */
  release?(): void;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

export interface Exchange {
  /** Resolves with the whole answer. Rejects with an Error as Java's IOException and NSError come. */
  answer: Promise<Answer>;
  cancel(): void;
}

export interface Call {
  method: string;
  url: string;
  headers: Record<string, string>;
  payload: Payload | null;
  agent: Agent;
  /** An answer is lost if the server closes the connection before it has read the body. OkHttp mended that in 4.11. */
  losesEarlyAnswers?: boolean;
  /** Called with the bytes written to the socket, before any of them has arrived. */
  onSent(bytes: number): void;
}

const CHUNK_BYTES = 64 * 1024;

/** Make a payload of bytes that lie in memory. */
export function payloadOf(bytes: Buffer, type: string | null, release?: () => void): Payload {
  const payload = { type, length: bytes.length, chunks: () => cut(bytes) };
  return release ? { ...payload, release } : payload;
}

/** Send a request. The answer is read once the body is written, as OkHttp does: Node would stop to send at an early one. */
export function exchange(call: Call): Exchange {
  const { agent, headers, method, payload, url } = call;
  const length = payload || /^(POST|PUT|PATCH)$/.test(method) ? { "Content-Length": String(payload?.length ?? 0) } : {};
  const request = open(url, { method, agent, headers: { ...headers, ...length } });
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    request.once("response", resolve);
    request.on("error", reject);
    request.once("close", () => reject(new Error("unexpected end of stream")));
  });
  response.catch(() => undefined);
  return { answer: finish(request, response, call), cancel: () => request.destroy(new Error("Canceled")) };
}

async function finish(request: ClientRequest, response: Promise<IncomingMessage>, call: Call): Promise<Answer> {
  try {
    await writeBody(request, call);
    if (!request.writableEnded && call.losesEarlyAnswers) throw new Error("Broken pipe");
    return await readAnswer(await response);
  } catch (error) {
    request.destroy();
    throw error;
  } finally {
    call.payload?.release?.();
  }
}

/** OkHttp compares what it writes with the announced length (`Exchange.RequestBodySink`). */
async function writeBody(request: ClientRequest, { onSent, payload }: Call): Promise<void> {
  let sent = 0;
  for await (const chunk of payload?.chunks() ?? []) {
    const length = payload?.length ?? 0;
    if (sent + chunk.length > length) throw new Error(`expected ${length} bytes but received ${sent + chunk.length}`);
    if (!request.write(chunk)) await drained(request);
    if (request.destroyed) return; // The failure, or an early answer, is in the promise of the answer.
    sent += chunk.length;
    onSent(sent);
  }
  if (payload && sent < payload.length) throw new Error("unexpected end of stream");
  request.end();
}

function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      request.off("drain", done);
      request.off("close", done);
      resolve();
    };
    request.once("drain", done);
    request.once("close", done);
  });
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const headers: Record<string, string> = {};
  for (let index = 0; index < response.rawHeaders.length; index += 2) {
    const name = response.rawHeaders[index] ?? "";
    const value = response.rawHeaders[index + 1] ?? "";
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return { status: response.statusCode ?? 0, headers, body: Buffer.concat(chunks) };
}

function* cut(bytes: Buffer): Iterable<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) yield bytes.subarray(offset, offset + CHUNK_BYTES);
}
