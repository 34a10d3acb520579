import { describe, expect, test, vi } from "vitest";
import type { UploadState } from "../../src/uploads/options.js";
import type { KeyValueStorage } from "../../src/uploads/storage.js";
import { UploadTask } from "../../src/uploads/task.js";
import { bytes, clientOf, failure, settle } from "../support/scripted.js";
import { lines, server, start, storage, until } from "../support/task.js";

describe("pause and resume", () => {
  const states: UploadState[] = ["preparing", "uploading", "waiting", "completing"];
  test.each(states)("while %s: stands still, then stores the file, no part twice", async (state) => {
    if (state === "waiting") server.next("PUT s3/*", { status: 503 });
    const task = start(95);
    await until(task, state);
    task.pause();
    expect(task.state).toBe("paused");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(task.state).toBe("paused");
    expect(server.inFlight).toBe(0);
    const before = server.seen.length;
    await vi.advanceTimersByTimeAsync(600_000);
    expect(server.seen.length).toBe(before);
    task.resume();
    expect((await settle(task.result)).status).toBe("stored");
    expect(server.stored()).toEqual(bytes(95));
    const answered = server.uploads.size;
    expect(answered).toBe(1);
  });

  test("sends only the parts that S3 does not hold", async () => {
    const task = start(95, { concurrency: 1 });
    await until(task, "uploading");
    await vi.advanceTimersByTimeAsync(70);
    task.pause();
    await vi.advanceTimersByTimeAsync(100);
    const held = [...(server.uploads.values().next().value?.parts.keys() ?? [])];
    expect(held.length).toBeGreaterThan(1);
    const before = server.seen.length;
    task.resume();
    await settle(task.result);
    const sent = server.seen
      .slice(before)
      .flatMap(({ query, route }) => (route.startsWith("PUT") ? [query.get("part")] : []));
    expect(sent.filter((part) => held.includes(Number(part)))).toEqual([]);
    expect(sent).toHaveLength(10 - held.length);
  });

  test("while queued: resume starts it", async () => {
    const task = clientOf(server).prepare(bytes(5), { bucket: "bucket" });
    task.pause();
    expect(task.state).toBe("paused");
    task.start();
    expect(task.state).toBe("paused");
    task.resume();
    expect((await settle(task.result)).status).toBe("stored");
  });

  test.each(["uploading", "completing"] as const)("from a listener when the state is %s", async (at) => {
    const task: UploadTask = start(25, {
      onState: (state) => (state === at ? queueMicrotask(() => task.pause()) : undefined),
    });
    await until(task, "paused");
    await vi.advanceTimersByTimeAsync(1000);
    expect(task.state).toBe("paused");
    task.options.onState = undefined;
    task.resume();
    expect((await settle(task.result)).status).toBe("stored");
  });

  test("from the listener of the last bytes stays paused", async () => {
    server.latency = 200;
    const task: UploadTask = start(25, {
      concurrency: 1,
      onProgress: ({ storedBytes }) => (storedBytes === 25 ? task.pause() : undefined),
    });
    await vi.advanceTimersByTimeAsync(5000);
    expect(task.state).toBe("paused");
    task.resume();
    expect((await settle(task.result)).status).toBe("stored");
  });

  test("at once after one another, many times, stores the file once", async () => {
    const task = start(95);
    for (let round = 0; round < 20; round += 1) {
      await vi.advanceTimersByTimeAsync(7);
      task.pause();
      task.resume();
    }
    expect((await settle(task.result)).status).toBe("stored");
    expect(server.stored()).toEqual(bytes(95));
    expect(server.uploads.size).toBe(1);
  });

  test("between the answer of the announcement and the journal's line stays paused", async () => {
    let paused = false;
    const slow: KeyValueStorage = {
      ...storage,
      async set(key, value) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        if (value.includes('"id":') && !paused) {
          paused = true;
          task.pause();
        }
        lines.set(key, value);
      },
    };
    const task: UploadTask = start(25, {}, { storage: slow });
    await until(task, "paused");
    await vi.advanceTimersByTimeAsync(5000);
    expect(task.state).toBe("paused");
    task.resume();
    expect((await settle(task.result)).status).toBe("stored");
  });

  test.each(["POST uploads/", "GET uploads/*/parts/"])("while the service still completes it: %s", async (route) => {
    const task = start(25);
    await until(task, "completing");
    task.pause(); // The service goes on with the request that this cuts off.
    server.next(route, failure(409, "upload_not_pending"));
    task.resume();
    expect((await settle(task.result)).status).toBe("stored");
    expect(lines.size).toBe(0);
  });

  test("after the end do nothing", async () => {
    const task = start(5);
    await settle(task.result);
    task.pause();
    task.resume();
    task.enqueue();
    task.start();
    await settle(task.cancel());
    expect(task.state).toBe("stored");
  });

  test("with a file of the same size that was changed since is file_changed", async () => {
    const fileOf = (lastModified: number) => new File(["x".repeat(95)], "a.bin", { lastModified });
    const task = clientOf(server).upload(fileOf(1), { bucket: "bucket", checksum: false });
    await until(task, "uploading");
    task.pause();
    task.resume(fileOf(2));
    await expect(settle(task.result)).rejects.toMatchObject({ code: "file_changed" });
    task.resume(fileOf(1));
    expect((await settle(task.result)).status).toBe("stored");
  });

  test("with another file of other size is file_changed, and can be resumed with the right one", async () => {
    const task = start(95);
    await until(task, "uploading");
    task.pause();
    task.resume(bytes(94));
    await expect(settle(task.result)).rejects.toMatchObject({
      code: "file_changed",
      message: expect.stringContaining("not the file") as string,
    });
    task.resume(bytes(95));
    expect((await settle(task.result)).status).toBe("stored");
  });

  test("the service has forgotten the upload: it starts anew under another key", async () => {
    const task = start(95);
    await until(task, "uploading");
    await vi.advanceTimersByTimeAsync(60);
    task.pause();
    await vi.advanceTimersByTimeAsync(100);
    const key = task.key;
    server.next("POST uploads/", failure(404, "upload_not_found"));
    server.uploads.clear();
    task.resume();
    expect((await settle(task.result)).status).toBe("stored");
    expect(task.key).not.toBe(key);
    expect(server.stored()).toEqual(bytes(95));
    expect(lines.size).toBe(0);
    expect(task.progress).toMatchObject({ storedBytes: 95, sentBytes: 95 });
  });

  test("a new upload that is unknown at once is an error, not a loop", async () => {
    server.always("POST uploads/", failure(404, "upload_not_found"));
    await expect(settle(start(5).result)).rejects.toMatchObject({ code: "upload_not_found" });
    expect(server.seen).toHaveLength(1);
  });
});

describe("cancel", () => {
  const states: UploadState[] = ["preparing", "uploading", "waiting", "completing", "paused"];
  test.each(states)("while %s: nothing is left", async (state) => {
    if (state === "waiting") server.next("PUT s3/*", { status: 503 });
    const task = start(95);
    if (state === "paused") {
      await until(task, "uploading");
      task.pause();
    } else await until(task, state);
    await vi.advanceTimersByTimeAsync(5);
    const ending = expect(settle(task.result)).rejects.toMatchObject({ code: "cancelled" });
    await settle(task.cancel());
    await ending;
    expect(task.state).toBe("cancelled");
    expect(server.uploads.size).toBe(0);
    expect(server.inFlight).toBe(0);
    expect(lines.size).toBe(0);
  });

  test("while queued sends nothing", async () => {
    const task = clientOf(server, { storage }).prepare(bytes(5), { bucket: "bucket" });
    await settle(task.cancel());
    task.start();
    await expect(task.result).rejects.toMatchObject({ code: "cancelled" });
    expect(server.seen).toHaveLength(0);
  });

  test("after a failure removes what has arrived", async () => {
    server.next("PUT s3/*", "pass", { status: 400, text: "" });
    const task = start(95);
    await expect(settle(task.result)).rejects.toMatchObject({ code: "storage_refused" });
    await settle(task.cancel());
    expect(server.uploads.size).toBe(0);
  });

  test("while the answer of the announcement is on its way removes the new upload", async () => {
    server.latency = 200;
    const task = start(95);
    await vi.advanceTimersByTimeAsync(150);
    expect(server.routes()).toEqual(["POST uploads/"]);
    await settle(task.cancel());
    expect(server.uploads.size).toBe(0);
    expect(server.routes().pop()).toMatch(/^DELETE uploads/);
  });

  test("of an upload that the service refuses removes nothing", async () => {
    server.next("POST uploads/", "hang", failure(404, "bucket_not_found"));
    const task = start(95);
    await vi.advanceTimersByTimeAsync(100);
    await settle(task.cancel());
    expect(server.routes()).toEqual(["POST uploads/", "POST uploads/"]);
  });

  test("tells if the service cannot be reached to remove it", async () => {
    const task = start(95);
    await until(task, "uploading");
    server.always("DELETE uploads/*/", "refuse");
    await expect(settle(task.cancel())).rejects.toMatchObject({ code: "connection_lost" });
    expect(task.state).toBe("cancelled");
  });

  test("tells if the service cannot be reached to find it", async () => {
    server.always("POST uploads/", "refuse");
    const task = start(95);
    await until(task, "waiting");
    await expect(settle(task.cancel())).rejects.toMatchObject({ code: "connection_lost" });
  });

  test("while the journal forgets a stored upload ends cancelled, and removes the file", async () => {
    const slow = {
      ...storage,
      delete: (key: string) => new Promise((resolve) => setTimeout(resolve, 50)).then(() => lines.delete(key)),
    };
    const task = start(5, {}, { storage: slow });
    const ending = expect(settle(task.result)).rejects.toMatchObject({ code: "cancelled" });
    while (!task.record) await vi.advanceTimersByTimeAsync(1);
    task.pause(); // Too late.
    expect(task.state).toBe("completing");
    await settle(task.cancel());
    await ending;
    expect(task.state).toBe("cancelled");
    expect(server.uploads.size).toBe(0);
  });

  test("twice is the same as once", async () => {
    const task = start(95);
    await until(task, "uploading");
    await settle(Promise.all([task.cancel(), task.cancel()]));
    expect(server.count(server.routes().find((route) => route.startsWith("DELETE")) ?? "")).toBe(1);
  });

  test("by an AbortSignal", async () => {
    const abort = new AbortController();
    const task = start(95, { signal: abort.signal });
    await until(task, "uploading");
    abort.abort();
    await expect(settle(task.result)).rejects.toMatchObject({ code: "cancelled" });
    await vi.advanceTimersByTimeAsync(1000);
    expect(server.uploads.size).toBe(0);
  });

  test("by an AbortSignal while offline is no unhandled error", async () => {
    const abort = new AbortController();
    const task = start(95, { signal: abort.signal });
    await until(task, "uploading");
    server.always("DELETE uploads/*/", "refuse");
    abort.abort();
    await expect(settle(task.result)).rejects.toMatchObject({ code: "cancelled" });
    await vi.advanceTimersByTimeAsync(120_000);
    expect(task.state).toBe("cancelled");
  });

  test("by a signal that was aborted before sends nothing", async () => {
    const task = start(95, { signal: AbortSignal.abort() });
    await expect(settle(task.result)).rejects.toMatchObject({ code: "cancelled" });
    expect(server.seen).toHaveLength(0);
  });
});
