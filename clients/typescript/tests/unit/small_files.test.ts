import { describe, expect, test, vi } from "vitest";
import { bytes, clientOf, failure, settle } from "../support/scripted.js";
import { lines, pendingOf, server, start, storage } from "../support/task.js";

const PUT = "PUT buckets/bucket/files/a.bin/";
const small = { smallFileBytes: 100 };
// Without the option: the default of the client.
const byDefault = { smallFileBytes: undefined } as unknown as typeof small;

describe("a small file", () => {
  test("takes one request through the server, and has a key of its own", async () => {
    const task = start(99, { key: "k", checksum: "ab" }, small);
    expect(await settle(task.result)).toMatchObject({ status: "stored", size: 99 });
    expect(server.routes()).toEqual([PUT]);
    expect(server.seen[0]?.query.toString()).toBe("own_key=true");
    expect(server.seen[0]?.headers).toMatchObject({ "Idempotency-Key": "k:server", "X-Checksum-Sha256": "ab" });
    expect(task.progress).toEqual({ sentBytes: 99, storedBytes: 99, totalBytes: 99, attempt: 1 });
    expect(lines.size).toBe(0);
  });

  test.each([
    [65_535, byDefault, PUT],
    [65_536, byDefault, "POST uploads/"],
    [100, small, "POST uploads/"],
    [0, small, PUT],
    [0, { smallFileBytes: 0 }, "POST uploads/"],
  ])("of %i bytes with %j goes by %s", async (size, options, route) => {
    await settle(start(size, {}, options).result);
    expect(server.routes()[0]).toBe(route);
  });

  test.each([{ via: "put" as const }, { via: "parts" as const }, { userId: "7" }])(
    "goes to S3 itself with %j",
    async (options) => {
      await settle(start(5, options, small).result);
      expect(server.routes()[0]).toBe("POST uploads/");
    },
  );

  test.each([
    [{ via: "server" as const }, ""],
    [{ overwrite: true }, "overwrite=true"],
    [{ via: "server" as const, overwrite: true }, "overwrite=true"],
  ])("with %j has its name as its key", async (options, query) => {
    await settle(start(5, options, small).result);
    expect(server.seen[0]?.query.toString()).toBe(query);
  });

  test("is sent again under the same key after a lost answer", async () => {
    server.next(PUT, "swallow", failure(503, "storage_unavailable"), failure(409, "upload_in_progress"));
    const task = start(50, {}, small);
    await settle(task.result);
    expect(server.count(PUT)).toBe(4);
    expect(new Set(server.seen.map(({ headers }) => headers["Idempotency-Key"])).size).toBe(1);
    expect(task.progress.attempt).toBe(4);
  });

  test("that a kill has left is resumed by the same request", async () => {
    server.next(PUT, "hang");
    const killed = start(50, {}, small);
    await vi.advanceTimersByTimeAsync(30);
    killed.pause(); // As a kill: nothing is sent any more.
    const left = await pendingOf(small);
    expect(left.throughServer).toBe(true);
    await settle(left.resume(bytes(50)).result);
    expect(server.routes()).toEqual([PUT, PUT]);
    expect(server.seen[1]?.headers["Idempotency-Key"]).toBe(server.seen[0]?.headers["Idempotency-Key"]);
    expect(server.seen[1]?.query.toString()).toBe("own_key=true");
    expect(lines.size).toBe(0);
  });

  test("whose way the app has chosen is resumed by the same request", async () => {
    server.next(PUT, "hang");
    const killed = start(50, { via: "server" }, small);
    await vi.advanceTimersByTimeAsync(30);
    killed.pause(); // As a kill: nothing is sent any more.
    await settle((await pendingOf(small)).resume(bytes(50)).result);
    expect(server.routes()).toEqual([PUT, PUT]);
    expect(server.seen.map(({ query }) => query.toString())).toEqual(["", ""]);
  });

  test("that the app sends to S3 goes there after a kill, too", async () => {
    const options = { bucket: "bucket", fileName: "a.bin", checksum: false, via: "put" as const };
    await clientOf(server, { storage }).prepare(bytes(50), options).remember();
    await settle((await pendingOf(small)).resume(bytes(50)).result);
    expect(server.routes()[0]).toBe("POST uploads/");
  });

  test("that was not opened before a kill is small for the next client", async () => {
    const options = { bucket: "bucket", fileName: "a.bin", checksum: false };
    await clientOf(server, { storage }).prepare(bytes(50), options).remember();
    const left = await pendingOf(small);
    expect(left.throughServer).toBeUndefined();
    await settle(left.resume(bytes(50)).result);
    expect(server.routes()).toEqual([PUT]);
  });

  test("whose upload began directly goes on directly", async () => {
    server.next("PUT s3/*", "hang");
    const killed = start(5);
    await vi.advanceTimersByTimeAsync(50);
    killed.pause();
    const left = await pendingOf(small);
    expect(left.throughServer).toBe(false);
    await settle(left.resume(bytes(5)).result);
    expect(server.routes()).not.toContain(PUT);
    expect(server.files.size).toBe(1);
  });

  test("that is refused fails with the code of the service, and leaves nothing", async () => {
    server.next(PUT, failure(413, "file_too_large", { limit: { max_file_bytes: 1 } }));
    await expect(settle(start(50, {}, small).result)).rejects.toMatchObject({
      code: "file_too_large",
      limit: { max_file_bytes: 1 },
    });
    expect(lines.size).toBe(0);
  });
});

test("files that change to the server keep keys of their own", async () => {
  server.always("PUT s3/*", "refuse");
  await settle(start(50).result);
  expect(server.seen.find(({ route }) => route === PUT)?.query.toString()).toBe("own_key=true");
});
