import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { sendByNode } from "../../src/node/http.js";
import { freePort } from "../support/service.js";

const MIB = 1024 * 1024;
let server: Server;
let url: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  server = createServer((request, response) => answer(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

/** Answer with the length and the bytes that arrived. */
function echo(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    response.writeHead(200, { "X-Length": request.headers["content-length"] ?? "none", "Set-Cookie": ["a=1", "b=2"] });
    response.end(Buffer.concat(chunks));
  });
}

function streamOf(...chunks: Uint8Array[]): AsyncIterable<Uint8Array> {
  return {
    async *[Symbol.asyncIterator]() {
      for (const chunk of chunks) yield await Promise.resolve(chunk);
    },
  };
}

describe("sendByNode", () => {
  test.each([
    ["text", "täxt", "5", "täxt"],
    ["bytes", new TextEncoder().encode("bytes"), "5", "bytes"],
    ["a Blob", new Blob(["blob"]), "4", "blob"],
    ["a stream", { size: 3, stream: () => streamOf(Buffer.from("a"), Buffer.from("bc")) }, "3", "abc"],
    ["nothing", undefined, "0", ""],
    ["no bytes", new Uint8Array(), "0", ""],
  ])("sends %s with its length", async (_name, body, length, text) => {
    answer = echo;
    const response = await sendByNode({ method: "POST", url, body });
    expect(response).toMatchObject({ status: 200, text });
    expect(response.header("x-length")).toBe(length);
    expect(response.header("Set-Cookie")).toBe("a=1, b=2");
    expect(response.header("absent")).toBeNull();
  });

  test("reports the bytes as they leave, up to all of them", async () => {
    answer = echo;
    const sent: number[] = [];
    await sendByNode({ method: "PUT", url, body: new Uint8Array(3 * MIB), onSent: (bytes) => sent.push(bytes) });
    expect(sent.length).toBeGreaterThan(5);
    expect(sent).toEqual([...sent].sort((one, other) => one - other));
    expect(sent[sent.length - 1]).toBe(3 * MIB);
  });

  test("reports no byte where nothing listens", async () => {
    const onSent = vi.fn();
    const dead = `http://127.0.0.1:${await freePort()}/`;
    const sending = sendByNode({ method: "PUT", url: dead, body: new Uint8Array(3 * MIB), onSent });
    await expect(sending).rejects.toMatchObject({ name: "ConnectionError" });
    expect(onSent).not.toHaveBeenCalled();
  });

  test("reports no more than the connection takes", async () => {
    answer = () => undefined; // It reads nothing.
    let sent = 0;
    const abort = new AbortController();
    const body = new Uint8Array(64 * MIB);
    const sending = sendByNode({ method: "PUT", url, body, signal: abort.signal, onSent: (bytes) => (sent = bytes) });
    setTimeout(() => abort.abort(), 500);
    await expect(sending).rejects.toMatchObject({ code: "cancelled" });
    expect(sent).toBeLessThan(32 * MIB);
  });

  test("returns an answer that comes before the body was read, and sends no more", async () => {
    answer = (_request, response) => {
      response.writeHead(413, { Connection: "close" });
      response.end("too large");
    };
    const onSent = vi.fn();
    const stream = vi.fn(() => streamOf(...Array.from({ length: 1000 }, () => new Uint8Array(MIB))));
    const response = await sendByNode({ method: "PUT", url, body: { size: 1000 * MIB, stream }, onSent });
    expect(response).toMatchObject({ status: 413, text: "too large" });
    const calls = onSent.mock.calls.length;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(onSent.mock.calls.length - calls).toBeLessThanOrEqual(1);
  });

  test.each([0, 5])("an answer that breaks off after %i bytes is a ConnectionError", async (bytes) => {
    answer = (_request, response) => {
      if (!bytes) response.socket?.destroy();
      response.writeHead(200, { "Content-Length": 10 });
      response.write("x".repeat(bytes), () => response.socket?.destroy());
    };
    await expect(sendByNode({ method: "GET", url })).rejects.toMatchObject({ name: "ConnectionError" });
  });

  test("an abort is cancelled, also before the request", async () => {
    answer = () => undefined;
    const abort = new AbortController();
    const sending = sendByNode({ method: "GET", url, signal: abort.signal });
    abort.abort();
    await expect(sending).rejects.toMatchObject({ code: "cancelled" });
    await expect(sendByNode({ method: "GET", url, signal: abort.signal })).rejects.toMatchObject({ code: "cancelled" });
  });

  test("a stream that fails rejects with its error", async () => {
    answer = echo;
    const torn = new Error("tape torn");
    const stream = () => ({
      async *[Symbol.asyncIterator]() {
        yield await Promise.resolve(new Uint8Array(3));
        throw torn;
      },
    });
    await expect(sendByNode({ method: "PUT", url, body: { size: 9, stream } })).rejects.toBe(torn);
  });

  test("a stream that is shorter than said is file_changed", async () => {
    answer = echo;
    const body = { size: 9, stream: () => streamOf(new Uint8Array(3)) };
    await expect(sendByNode({ method: "PUT", url, body })).rejects.toMatchObject({ code: "file_changed" });
  });

  test("{uri} is file_unreadable: Node.js takes paths", async () => {
    const sending = sendByNode({ method: "PUT", url, body: { uri: "file:///a" } });
    await expect(sending).rejects.toMatchObject({
      code: "file_unreadable",
      message: expect.stringContaining("path") as string,
    });
  });

  test("https is spoken where the address says so", async () => {
    const sending = sendByNode({ method: "GET", url: url.replace("http:", "https:") });
    await expect(sending).rejects.toMatchObject({
      name: "ConnectionError",
      message: expect.stringMatching(/SSL|EPROTO|disconnected|hang up/i) as string,
    });
  });
});
