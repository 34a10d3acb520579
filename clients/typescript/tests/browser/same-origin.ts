import { request as sendUpstream, Server, type IncomingMessage, type ServerResponse } from "node:http";
import type { Plugin } from "vitest/config";

const SERVICE_PATHS = /^\/(modules|auth|admin)\//;
const PAGE = '<!doctype html><title>Reloaded</title><script type="module" src="/tests/browser/page.ts"></script>';

/** Serve the service on the origin of the tests, by way of the fault proxy, and a page that the tests reload. */
export function sameOrigin(): Plugin {
  return {
    name: "same-origin",
    configureServer(server) {
      // A browser repeats a request by itself, unseen, if a connection breaks that has carried an answer before.
      if (server.httpServer instanceof Server) server.httpServer.maxRequestsPerSocket = 1;
      server.middlewares.use((request, response, next) => {
        if (request.url === "/reloaded") response.setHeader("Content-Type", "text/html").end(PAGE);
        else if (SERVICE_PATHS.test(request.url ?? "")) pass(request, response);
        else next();
      });
    },
  };
}

/** A broken connection stays a broken connection: it becomes no answer of this server. */
function pass(request: IncomingMessage, response: ServerResponse): void {
  const { headers, method, url } = request;
  const upstream = sendUpstream(`${process.env.FAULT_PROXY ?? ""}${url ?? ""}`, { method, headers, agent: false });
  const breakOff = () => void request.socket.destroy();
  upstream.on("error", breakOff);
  upstream.on("response", (message) => {
    message.on("error", breakOff);
    message.on("aborted", breakOff);
    response.writeHead(message.statusCode ?? 502, message.headers);
    message.pipe(response);
  });
  response.on("close", () => {
    if (!response.writableFinished) upstream.destroy();
  });
  request.pipe(upstream);
}
