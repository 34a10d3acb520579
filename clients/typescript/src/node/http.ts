import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { Readable } from "node:stream";
import { cancelled, UploaderError } from "../errors.js";
import { ConnectionError, type Body, type HttpResponse, type Transport } from "../http/transport.js";

const agents = { "http:": new HttpAgent({ keepAlive: true }), "https:": new HttpsAgent({ keepAlive: true }) };

/** Send a request by Node's own client: `fetch` reports no progress. */
export const sendByNode: Transport = (request) =>
  new Promise((resolve, reject) => {
    if (request.signal?.aborted) {
      reject(cancelled());
      return;
    }
    const url = new URL(request.url);
    const { length, stream } = openBody(request.body);
    const headers = { ...request.headers, ...(length === undefined ? {} : { "Content-Length": length }) };
    const send = url.protocol === "https:" ? requestHttps : requestHttp;
    const agent = agents[url.protocol as keyof typeof agents];
    const outgoing = send(url, { method: request.method, headers, agent, signal: request.signal });
    const fail = (error: Error) => {
      stream.destroy();
      reject(request.signal?.aborted ? cancelled() : translate(error, stream));
    };
    outgoing.on("error", fail);
    outgoing.on("response", (incoming) => {
      readText(incoming).then((text) => resolve(answer(incoming, text)), fail);
    });
    stream.on("error", (error) => outgoing.destroy(error));
    let sent = 0;
    stream.on("data", (data: Uint8Array) => request.onSent?.((sent += data.byteLength)));
    stream.pipe(outgoing);
  });

function openBody(body: Body | undefined): { length: number | undefined; stream: Readable } {
  if (body === undefined) return { length: undefined, stream: Readable.from([]) };
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  if (bytes instanceof Uint8Array) return { length: bytes.byteLength, stream: Readable.from([bytes]) };
  // A Blob has a size and a stream, too.
  if ("stream" in bytes)
    return { length: bytes.size, stream: Readable.from(bytes.stream() as AsyncIterable<Uint8Array>) };
  throw new UploaderError("file_unreadable", "Node.js reads files by their path: pass the path as a string.");
}

async function readText(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function answer(incoming: IncomingMessage, text: string): HttpResponse {
  const header = (name: string) => {
    const value = incoming.headers[name.toLowerCase()];
    return Array.isArray(value) ? value.join(", ") : (value ?? null);
  };
  return { status: incoming.statusCode ?? 0, text, header };
}

/** A file that cannot be read any more is no failure of the network. */
function translate(error: Error, stream: Readable): Error {
  return stream.errored === error ? error : new ConnectionError(error.message, { cause: error });
}
