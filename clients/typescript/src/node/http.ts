import { Agent as HttpAgent, request as requestHttp, type ClientRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { cancelled, throwIfAborted, UploaderError } from "../errors.js";
import { ConnectionError, type Body, type HttpRequest, type HttpResponse, type Transport } from "../http/transport.js";

const agents = { "http:": new HttpAgent({ keepAlive: true }), "https:": new HttpsAgent({ keepAlive: true }) };
/** Bytes in memory leave in such pieces, each of which is progress. */
const PIECE_BYTES = 256 * 1024;

/** Send a request by Node's own client: `fetch` reports no progress. */
export const sendByNode: Transport = async (request) => {
  const { signal } = request;
  throwIfAborted(signal);
  const { pieces, size } = openBody(request.body);
  const outgoing = open(request, size);
  const answered = new Promise<HttpResponse>((resolve, reject) => {
    outgoing.on("error", (error) => reject(new ConnectionError(error.message, { cause: error })));
    outgoing.on("response", (incoming) => {
      readText(incoming).then(
        (text) => resolve(answer(incoming, text)),
        (error: unknown) => {
          reject(new ConnectionError("The answer broke off.", { cause: error }));
        },
      );
    });
  });
  try {
    // A server may answer before it has read the body, and a body may fail before there is an answer.
    return await Promise.race([answered, sendBody(pieces, outgoing, size, request.onSent).then(() => answered)]);
  } catch (error) {
    throw signal?.aborted ? cancelled() : error;
  } finally {
    if (!outgoing.writableFinished) outgoing.destroy();
  }
};

function open({ headers, method, signal, url }: HttpRequest, size: number | undefined): ClientRequest {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const agent = agents[parsed?.protocol as keyof typeof agents] as HttpAgent | undefined;
  if (!parsed || !agent) throw new UploaderError("invalid", `Node.js needs a whole address with http or https: ${url}`);
  const send = parsed.protocol === "https:" ? requestHttps : requestHttp;
  const length = size === undefined ? {} : { "Content-Length": size };
  return send(parsed, { method, headers: { ...headers, ...length }, agent, signal });
}

/** The pieces of a body. Each is sent before the next one is read. */
type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

function openBody(body: Body | undefined): { size: number | undefined; pieces: Pieces } {
  if (body === undefined) return { size: undefined, pieces: [] };
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  if (bytes instanceof Uint8Array) return { size: bytes.byteLength, pieces: cut(bytes) };
  // A Blob has a size and a stream, too.
  if ("stream" in bytes) return { size: bytes.size, pieces: bytes.stream() as AsyncIterable<Uint8Array> };
  throw new UploaderError("file_unreadable", "Node.js reads files by their path: pass the path as a string.");
}

function* cut(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += PIECE_BYTES) yield bytes.subarray(start, start + PIECE_BYTES);
}

/** Send the bytes, and report them once the system has taken them: before that, there may be no connection yet. */
async function sendBody(
  pieces: Pieces,
  outgoing: ClientRequest,
  size = 0,
  onSent: HttpRequest["onSent"] = () => undefined,
): Promise<void> {
  let sent = 0;
  for await (const piece of pieces) {
    if (!(await write(outgoing, piece))) return; // The connection has ended, and its error tells more.
    onSent((sent += piece.byteLength));
  }
  if (sent < size) throw new UploaderError("file_changed", "The file became shorter while it was sent.");
  outgoing.end();
}

/** Return false if the system cannot take the bytes any more. */
function write(outgoing: ClientRequest, bytes: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => outgoing.write(bytes, (error) => resolve(!error)));
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
