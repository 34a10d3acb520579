import { describe, expect, test, vi } from "vitest";
import type { KeyValueStorage } from "../../src/uploads/storage.js";
import { bytes, clientOf, failure, settle } from "../support/scripted.js";
import { lines, pendingOf, server, start, storage, until } from "../support/task.js";

describe("the journal", () => {
  test("lists what a kill has left, and resume ends it without a part twice", async () => {
    const killed = start(95, { contentType: "video/mp4" });
    await until(killed, "uploading");
    await vi.advanceTimersByTimeAsync(90);
    killed.pause(); // As a kill: nothing is sent any more.
    await vi.advanceTimersByTimeAsync(100);
    const held = [...(server.uploads.values().next().value?.parts.keys() ?? [])];
    const left = await pendingOf();
    expect(left).toMatchObject({
      bucket: "bucket",
      fileName: "a.bin",
      size: 95,
      contentType: "video/mp4",
      key: killed.key,
    });
    const before = server.seen.length;
    const task = left.resume(bytes(95));
    expect(task.progress.totalBytes).toBe(95);
    expect((await settle(task.result)).status).toBe("stored");
    const parts = server.seen.slice(before).map(({ query }) => Number(query.get("part")));
    expect(parts.filter((part) => held.includes(part))).toEqual([]);
    expect(await clientOf(server, { storage }).pending()).toEqual([]);
  });

  test("holds the upload before the first request", async () => {
    let linesThen = -1;
    const transport: typeof server.transport = (request) => {
      if (linesThen < 0) linesThen = lines.size;
      return server.transport(request);
    };
    await settle(start(5, {}, { transport }).result);
    expect(linesThen).toBe(1);
  });

  test("writes the lines of an upload one after the other", async () => {
    const finished: string[] = [];
    const milliseconds = [500, 1, 1]; // The first would come last.
    const slow: KeyValueStorage = {
      ...storage,
      async set(key, value) {
        await new Promise((resolve) => setTimeout(resolve, milliseconds.shift() ?? 1));
        finished.push(value.includes('"id":') ? "with id" : "without id");
        lines.set(key, value);
      },
    };
    const queue = clientOf(server, { storage: slow }).uploadMany([bytes(5)], { bucket: "bucket", checksum: false });
    await settle(queue.finished());
    expect(finished).toEqual(["without id", "without id", "with id"]);
    expect(lines.size).toBe(0);
  });

  test("is empty once result is settled", async () => {
    await settle(start(5).result.then(() => expect(lines.size).toBe(0)));
  });

  test("lists the oldest first, and skips lines of others", async () => {
    const entry = {
      bucket: "b",
      fileName: "f",
      size: 1,
      contentType: "",
      startedAt: "2026-11-29T10:00:00.000Z",
      key: "new",
    };
    lines.set("s3-file-uploader:new", JSON.stringify(entry));
    lines.set("s3-file-uploader:old", JSON.stringify({ ...entry, key: "old", startedAt: "2026-11-28T10:00:00.000Z" }));
    for (const [place, line] of ["{", "null", "5", '{"key":"x","size":1}', '{"key":1}'].entries()) {
      lines.set(`s3-file-uploader:${place}`, line);
    }
    lines.set("other", JSON.stringify(entry));
    expect((await clientOf(server, { storage }).pending()).map(({ key }) => key)).toEqual(["old", "new"]);
  });

  test("discard removes the upload from S3 and from the list", async () => {
    const killed = start(95);
    await until(killed, "uploading");
    killed.pause();
    const left = await pendingOf();
    await settle(left.discard());
    expect(server.uploads.size).toBe(0);
    expect(lines.size).toBe(0);
  });

  test("resume opens the file by its address if none is given", async () => {
    const file = { uri: "file:///a.bin", name: "a.bin", size: 10 };
    const opened: unknown[] = [];
    const files = {
      open(asked: unknown) {
        opened.push(asked);
        const read = () => Promise.resolve({ body: bytes(10) });
        return Promise.resolve({ name: "a.bin", type: "", size: 10, uri: file.uri, holdsChunks: false, read });
      },
    };
    server.next("PUT s3/*", "hang");
    const killed = clientOf(server, { storage, files }).upload(file, { bucket: "bucket" });
    await until(killed, "uploading");
    const left = await pendingOf({ files });
    await settle(left.resume().result);
    expect(opened[1]).toEqual(file);
  });

  test("resume without file and address is file_unreadable, and the upload stays in the list", async () => {
    const killed = start(95);
    await until(killed, "uploading");
    killed.pause();
    const left = await pendingOf();
    await expect(settle(left.resume().result)).rejects.toMatchObject({ code: "file_unreadable" });
    expect(lines.size).toBe(1);
  });

  test("that cannot be written fails the upload and says so", async () => {
    const full = { ...storage, set: () => Promise.reject(new Error("QuotaExceededError")) };
    await expect(settle(start(5, {}, { storage: full }).result)).rejects.toMatchObject({
      code: "journal_failed",
      message: expect.stringContaining("QuotaExceededError") as string,
    });
  });

  test("that cannot forget a failed upload does not hide the reason", async () => {
    const stuck = { ...storage, delete: () => Promise.reject(new Error("EACCES")) };
    server.always("POST uploads/", failure(413, "file_too_large"));
    await expect(settle(start(5, {}, { storage: stuck }).result)).rejects.toMatchObject({ code: "file_too_large" });
  });

  test("that forgets slowly lets a pause come before the failure", async () => {
    const slow = {
      ...storage,
      delete: (key: string) => new Promise((resolve) => setTimeout(resolve, 50)).then(() => lines.delete(key)),
    };
    server.always("POST uploads/", failure(413, "file_too_large"));
    const task = start(5, {}, { storage: slow });
    await vi.advanceTimersByTimeAsync(40);
    task.pause();
    await vi.advanceTimersByTimeAsync(500);
    expect(task.state).toBe("paused");
  });
});
