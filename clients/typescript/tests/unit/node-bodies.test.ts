import { createHash } from "node:crypto";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Body, StreamBody } from "../../src/http/transport.js";
import { nodeFiles } from "../../src/node/files.js";
import { sendByNode } from "../../src/node/http.js";
import { bytes } from "../support/scripted.js";

const READ_BYTES = 256 * 1024;

let folder: string;
let path: string;
let server: Server;
let url: string;
let received: Buffer[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bodies-"));
  path = join(folder, "file");
  received = [];
  server = createServer((incoming, answer) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      received.push(Buffer.concat(chunks));
      answer.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

async function bodyOf(offset: number, size: number): Promise<Body> {
  const source = await nodeFiles.open(path);
  if (!source) throw new Error("The path is not opened.");
  return (await source.read(offset, size)).body;
}

const send = (body: Body, onSent?: (bytes: number) => void) => sendByNode({ method: "PUT", url, body, onSent });

describe("a path", () => {
  test.each([0, 1, READ_BYTES, READ_BYTES + 1, 5 * READ_BYTES + 7])("of %i bytes arrives whole", async (size) => {
    await writeFile(path, bytes(size));
    const sent: number[] = [];
    await send(await bodyOf(0, size), (count) => sent.push(count));
    expect(received).toEqual([Buffer.from(bytes(size))]);
    expect(sent).toEqual([...sent].sort((one, other) => one - other));
    expect(sent.pop() ?? 0).toBe(size);
  });

  test("arrives in parts that are sent at once", async () => {
    const size = 9 * READ_BYTES;
    await writeFile(path, bytes(size));
    await Promise.all([0, 1, 2].map(async (part) => send(await bodyOf((part * size) / 3, size / 3))));
    const parts = received.map((part) => part.toString("hex")).sort();
    const expected = [0, 1, 2].map((part) =>
      Buffer.from(bytes(size).subarray((part * size) / 3, ((part + 1) * size) / 3)),
    );
    expect(parts).toEqual(expected.map((part) => part.toString("hex")).sort());
  });

  test("of a small file has the checksum of what is sent, also if the file changes meanwhile", async () => {
    await writeFile(path, bytes(10));
    const source = await nodeFiles.open(path);
    await writeFile(path, bytes(20));
    expect(await source?.digest?.()).toBe(createHash("sha256").update(bytes(10)).digest("hex"));
    const chunk = await source?.read(0, 10);
    expect(chunk?.body).toEqual(Buffer.from(bytes(10)));
  });

  test("that became shorter is file_changed", async () => {
    await writeFile(path, bytes(4 * READ_BYTES));
    const body = await bodyOf(0, 4 * READ_BYTES);
    await truncate(path, READ_BYTES + 1);
    await expect(send(body)).rejects.toMatchObject({ code: "file_changed" });
  });

  test("that is gone ends with the error of the system", async () => {
    await writeFile(path, bytes(2 * READ_BYTES));
    const body = await bodyOf(0, 2 * READ_BYTES);
    await rm(path);
    await expect(send(body)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("is closed when the request is aborted", async () => {
    await writeFile(path, bytes(8 * READ_BYTES));
    server.removeAllListeners("request");
    server.on("request", () => undefined); // Reads nothing, so that the buffers of the connection fill up.
    const body = (await bodyOf(0, 8 * READ_BYTES)) as StreamBody;
    const pieces = body.stream() as AsyncGenerator<Uint8Array>;
    const close = vi.spyOn(pieces, "return");
    const abort = new AbortController();
    const request = { method: "PUT", url, body: { size: body.size, stream: () => pieces }, signal: abort.signal };
    await expect(sendByNode({ ...request, onSent: () => abort.abort() })).rejects.toMatchObject({ code: "cancelled" });
    await vi.waitFor(() => expect(close).toHaveBeenCalledOnce());
  });
});
