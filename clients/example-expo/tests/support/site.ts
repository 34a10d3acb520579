import { createReadStream, existsSync } from "node:fs";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const TYPES: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".json": "application/json" };
/** Paths of the service; everything else is a file of the exported page. */
const OF_SERVICE = /^\/(modules|auth)\//;

/** Serve an exported page and, on the same origin, the service. */
export async function serveSite(folder: string, service: string): Promise<{ url: string; stop: () => void }> {
  const server = createServer((incoming, outgoing) => {
    if (OF_SERVICE.test(incoming.url ?? "")) forward(service, incoming, outgoing);
    else sendFile(folder, incoming, outgoing);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${port}`, stop };
}

function forward(service: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { headers, method, url = "/" } = incoming;
  const outer = request(new URL(url, service), { method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  outer.on("error", () => outgoing.destroy());
  incoming.pipe(outer);
}

function sendFile(folder: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const path = normalize(new URL(incoming.url ?? "/", "http://localhost").pathname);
  const file = join(folder, path === "/" ? "index.html" : path);
  if (!existsSync(file)) {
    outgoing.writeHead(404).end();
    return;
  }
  outgoing.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" });
  createReadStream(file).pipe(outgoing);
}
