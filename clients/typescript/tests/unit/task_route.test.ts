import { describe, expect, test, vi } from "vitest";
import type { UploadOptions } from "../../src/uploads/options.js";
import { bytes, clientOf, failure, settle } from "../support/scripted.js";
import { pendingOf, server, start, storage, until } from "../support/task.js";

describe("the checksum", () => {
  const digest = vi.fn(() => Promise.resolve("c0ffee"));
  const source = { name: "a", type: "", size: 5, holdsChunks: false, read: () => Promise.resolve({ body: bytes(5) }) };

  async function announcedChecksum(checksum: UploadOptions["checksum"], file: object): Promise<unknown> {
    const client = clientOf(server, { files: { open: () => Promise.resolve({ ...source, ...file }) } });
    await settle(client.upload({}, { bucket: "bucket", checksum }).result);
    return server.seen[0]?.json.checksum_sha256;
  }

  test.each([
    ["auto", { digest }, "c0ffee"],
    [undefined, { digest }, "c0ffee"],
    ["auto", {}, undefined],
    [false, { digest }, undefined],
    [true, { digest }, "c0ffee"],
    ["0123", {}, "0123"],
  ])("%j of a file %j is %j", async (checksum, file, expected) => {
    expect(await announcedChecksum(checksum, file)).toBe(expected);
  });

  test("auto does not read a file of 16 MiB twice", async () => {
    digest.mockClear();
    const size = 16 * 1024 * 1024;
    const client = clientOf(server, { files: { open: () => Promise.resolve({ ...source, size, digest }) } });
    const task = client.upload({}, { bucket: "bucket" });
    await until(task, "uploading");
    expect(digest).not.toHaveBeenCalled();
    await settle(task.cancel());
  });

  test("true where the platform computes none is checksum_unavailable", async () => {
    await expect(announcedChecksum(true, {})).rejects.toMatchObject({ code: "checksum_unavailable" });
  });
});

describe("through the server", () => {
  test.each([{ via: "server" as const }, { overwrite: true }])("%j sends the file in one request", async (options) => {
    const task = start(50, { ...options, key: "k", checksum: "ab", contentType: "text/x" });
    const record = await settle(task.result);
    expect(record).toMatchObject({ status: "stored", size: 50 });
    expect(server.routes()).toEqual(["PUT buckets/bucket/files/a.bin/"]);
    expect(server.seen[0]?.query.get("overwrite")).toBe(options.overwrite ? "true" : null);
    expect(server.seen[0]?.headers).toMatchObject({
      "Content-Type": "text/x",
      "Idempotency-Key": "k:server",
      "X-Checksum-Sha256": "ab",
    });
    expect(task.progress).toEqual({ sentBytes: 50, storedBytes: 50, totalBytes: 50, attempt: 1 });
  });

  test("a key with slashes and odd characters is encoded", async () => {
    await settle(start(5, { via: "server", fileName: "Été/50 %?#.txt" }).result);
    expect([...server.files.keys()]).toEqual(["Été/50 %?#.txt"]);
  });

  test("a lost answer is repeated under the same key, and counts as another attempt", async () => {
    server.next("PUT buckets/bucket/files/a.bin/", "swallow", failure(503, "storage_unavailable"));
    const task = start(5, { via: "server" });
    await settle(task.result);
    expect(server.seen).toHaveLength(3);
    expect(new Set(server.seen.map(({ headers }) => headers["Idempotency-Key"])).size).toBe(1);
    expect(task.progress.attempt).toBe(3);
  });

  test("a file of another user is refused with the way out", async () => {
    await expect(settle(start(5, { via: "server", userId: "7" }).result)).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringContaining("userId") as string,
    });
    expect(server.seen).toHaveLength(0);
  });
});

describe("the route", () => {
  test("changes to the server when S3 cannot be reached and the service can", async () => {
    server.always("PUT s3/*", "refuse");
    const client = clientOf(server, { storage });
    const task = client.upload(bytes(50), { bucket: "bucket", fileName: "a.bin" });
    expect((await settle(task.result)).status).toBe("stored");
    expect(server.stored()).toEqual(bytes(50));
    expect(server.uploads.size).toBe(0); // The direct upload is removed.
    const before = server.seen.length;
    await settle(client.upload(bytes(7), { bucket: "bucket", fileName: "b.bin" }).result);
    expect(server.routes().slice(before)).toEqual(["PUT buckets/bucket/files/b.bin/"]); // Remembered.
  });

  test("changes although the removed upload is unknown by then", async () => {
    server.always("PUT s3/*", "refuse");
    server.always("DELETE uploads/*/", failure(404, "upload_not_found"));
    expect((await settle(start(5).result)).status).toBe("stored");
  });

  test("stays direct when the service cannot be reached either: it is the network", async () => {
    server.always("PUT s3/*", "refuse");
    server.always("GET health/live/", "refuse");
    const task = start(50, {}, { patienceSeconds: 30 });
    await expect(settle(task.result)).rejects.toMatchObject({ code: "connection_lost" });
    expect(server.routes().some((route) => route.startsWith("PUT buckets"))).toBe(false);
  });

  test("stays direct once S3 has answered", async () => {
    server.next("PUT s3/*", { status: 500 });
    server.always("PUT s3/*", "refuse");
    await expect(settle(start(50, {}, { patienceSeconds: 30 }).result)).rejects.toMatchObject({
      code: "connection_lost",
    });
    expect(server.count("GET health/live/")).toBe(0);
  });

  test.each([{ via: "parts" as const }, { via: "put" as const }, { userId: "7" }])(
    "stays direct with %j",
    async (options) => {
      server.always("PUT s3/*", "refuse");
      const task = start(50, options, { patienceSeconds: 30 });
      await expect(settle(task.result)).rejects.toMatchObject({ code: "connection_lost" });
      expect(server.routes().some((route) => route.startsWith("PUT buckets"))).toBe(false);
    },
  );

  test("is kept by an upload that is resumed in another process", async () => {
    server.always("PUT s3/*", "refuse");
    const task = start(50);
    while (!server.routes().some((route) => route.startsWith("PUT buckets"))) await vi.advanceTimersByTimeAsync(5);
    task.pause();
    const left = await pendingOf();
    expect(left.throughServer).toBe(true);
    const before = server.seen.length;
    await settle(left.resume(bytes(50)).result);
    expect(server.routes().slice(before)).toEqual(["PUT buckets/bucket/files/a.bin/"]);
  });
});

describe("a file", () => {
  test("is closed at the end, and stays open during a pause", async () => {
    const close = vi.fn();
    const open = vi.fn(() =>
      Promise.resolve({
        name: "a",
        type: "",
        size: 95,
        holdsChunks: false,
        read: (offset: number, size: number) => Promise.resolve({ body: bytes(95).slice(offset, offset + size) }),
        close,
      }),
    );
    const task = clientOf(server, { files: { open } }).upload({}, { bucket: "bucket" });
    await until(task, "uploading");
    task.pause();
    await vi.advanceTimersByTimeAsync(100);
    expect(close).not.toHaveBeenCalled();
    task.resume();
    await settle(task.result);
    expect(open).toHaveBeenCalledTimes(1);
    expect(close).toHaveBeenCalledTimes(1);
  });

  test("that is replaced at a resume is closed", async () => {
    const close = vi.fn();
    const source = { name: "a", type: "", size: 95, holdsChunks: false, close };
    const read = (offset: number, size: number) => Promise.resolve({ body: bytes(95).slice(offset, offset + size) });
    const files = { open: () => Promise.resolve({ ...source, read }) };
    const task = clientOf(server, { files }).upload({}, { bucket: "bucket" });
    await until(task, "uploading");
    task.pause();
    task.resume({});
    await settle(task.result);
    expect(close).toHaveBeenCalledTimes(2);
  });

  test("frees each chunk that was read, also of failed attempts", async () => {
    const release = vi.fn();
    const read = vi.fn((offset: number, size: number) =>
      Promise.resolve({ body: bytes(95).slice(offset, offset + size), release }),
    );
    const files = { open: () => Promise.resolve({ name: "a", type: "", size: 95, holdsChunks: true, read }) };
    server.next("PUT s3/*", "refuse", { status: 403 }, "hang");
    await settle(clientOf(server, { files, stallSeconds: 5 }).upload({}, { bucket: "bucket" }).result);
    expect(release).toHaveBeenCalledTimes(read.mock.calls.length);
    expect(read.mock.calls.length).toBeGreaterThan(10);
  });

  test.each([null, undefined, 5, "path", {}, { uri: 5 }])("%j is file_unreadable", async (file) => {
    const task = clientOf(server).upload(file, { bucket: "bucket" });
    await expect(settle(task.result)).rejects.toMatchObject({ code: "file_unreadable" });
    expect(server.seen).toHaveLength(0);
  });
});
