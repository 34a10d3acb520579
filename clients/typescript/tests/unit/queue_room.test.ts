import { beforeEach, describe, expect, test, vi } from "vitest";
import { openBytes } from "../../src/files/memory.js";
import type { FileAdapter } from "../../src/files/source.js";
import type { UploadOptions } from "../../src/uploads/options.js";
import type { QueueOptions, UploadQueue } from "../../src/uploads/queue.js";
import { bytes, clientOf, ScriptedServer, settle } from "../support/scripted.js";

const SMALL = 5;
const OF_FIVE_PARTS = 50;
const MIB = 1024 * 1024;
const REFUSAL = { status: 400, text: JSON.stringify({ code: "invalid", detail: "No." }) };

let server: ScriptedServer;

beforeEach(() => {
  vi.useFakeTimers();
  server = new ScriptedServer();
});

/** Files above the size of a small one go in parts. */
function optionsOf(size: number, changes: Partial<UploadOptions> = {}): UploadOptions {
  return { bucket: "bucket", checksum: false, via: size > SMALL ? "parts" : "auto", ...changes };
}

function uploadMany(sizes: number[], queueOptions?: QueueOptions, changes?: Partial<UploadOptions>): UploadQueue {
  const files = sizes.map((size) => bytes(size));
  return clientOf(server).uploadMany(files, (file) => optionsOf(file.byteLength, changes), queueOptions);
}

/** Opens `{ path }`, a file whose size shows only then, as that of a path in Node.js. */
const paths: FileAdapter = { open: () => Promise.resolve(openBytes(bytes(SMALL))) };

async function endOf(queue: UploadQueue): Promise<string[]> {
  return (await settle(queue.finished())).map(({ state }) => state);
}

function statesOf({ tasks }: UploadQueue): string[] {
  return tasks.map(({ state }) => state);
}

describe("a queue", () => {
  test("sends six small files at once", async () => {
    const queue = uploadMany(Array.from({ length: 15 }, () => SMALL));
    expect(await endOf(queue)).toEqual(Array.from({ length: 15 }, () => "stored"));
    expect(server.mostInFlight).toBe(6);
  });

  test("sends two large files at once, in three parts each", async () => {
    const queue = uploadMany([OF_FIVE_PARTS, OF_FIVE_PARTS, OF_FIVE_PARTS]);
    expect(statesOf(queue)).toEqual(["preparing", "preparing", "queued"]);
    expect(await endOf(queue)).toEqual(["stored", "stored", "stored"]);
    expect(server.mostInFlight).toBe(6);
  });

  test("keeps the order if a large file has to wait for room", async () => {
    const queue = uploadMany([SMALL, SMALL, SMALL, SMALL, OF_FIVE_PARTS, SMALL]);
    expect(statesOf(queue)).toEqual([...Array.from({ length: 4 }, () => "preparing"), "queued", "queued"]);
    expect(new Set(await endOf(queue))).toEqual(new Set(["stored"]));
  });

  test("sends a file of more than six parts at once alone", async () => {
    const queue = uploadMany([OF_FIVE_PARTS, SMALL], {}, { concurrency: 9 });
    expect(statesOf(queue)).toEqual(["preparing", "queued"]);
    expect(await endOf(queue)).toEqual(["stored", "stored"]);
  });

  test("takes files of unknown size for large until they are opened", async () => {
    const client = clientOf(server, { files: paths });
    const files = Array.from({ length: 8 }, () => ({ path: "a" }));
    const queue = client.uploadMany(files, optionsOf(SMALL));
    expect(statesOf(queue).filter((state) => state === "preparing")).toHaveLength(2);
    expect(new Set(await endOf(queue))).toEqual(new Set(["stored"]));
    expect(server.mostInFlight).toBe(4);
  });

  test("sends as many files at once as it is told", async () => {
    expect(await endOf(uploadMany([SMALL, SMALL, SMALL], { files: 1 }))).toEqual(["stored", "stored", "stored"]);
    expect(server.mostInFlight).toBe(1);
  });

  test("goes on with failed uploads after resume()", async () => {
    server.next("POST uploads/", REFUSAL);
    const queue = uploadMany([SMALL, SMALL], { files: 1 });
    expect(await endOf(queue)).toEqual(["failed", "stored"]);
    queue.resume();
    expect(await endOf(queue)).toEqual(["stored", "stored"]);
  });
});

test("a file counts as large from 16 MiB on, as for the service", () => {
  const taskOf = (size: number) => clientOf(server).prepare(new Uint8Array(size), { bucket: "bucket" });
  expect([0, 1, 16 * MIB - 1, 16 * MIB].map((size) => taskOf(size).requestsAtOnce)).toEqual([3, 1, 1, 3]);
});
