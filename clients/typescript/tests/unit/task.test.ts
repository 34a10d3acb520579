import { beforeEach, describe, expect, test, vi } from "vitest";
import type { PendingUpload } from "../../src/client.js";
import { UploaderError } from "../../src/errors.js";
import type { UploadOptions, UploadState } from "../../src/uploads/options.js";
import type { KeyValueStorage } from "../../src/uploads/storage.js";
import { UploadTask } from "../../src/uploads/task.js";
import { bytes, clientOf, failure, ScriptedServer, settle } from "../support/scripted.js";

let server: ScriptedServer;
let lines: Map<string, string>;
let storage: KeyValueStorage;

beforeEach(() => {
  vi.useFakeTimers();
  server = new ScriptedServer();
  lines = new Map();
  storage = {
    get: (key) => lines.get(key) ?? null,
    set: (key, value) => lines.set(key, value),
    delete: (key) => lines.delete(key),
    keys: () => [...lines.keys()],
  };
});

type ClientChanges = Parameters<typeof clientOf>[1];

function start(size: number, options: Partial<UploadOptions> = {}, changes: ClientChanges = {}): UploadTask {
  const client = clientOf(server, { storage, ...changes });
  return client.upload(bytes(size), { bucket: "bucket", fileName: "a.bin", checksum: false, ...options });
}

/** Run the clock until the task is in the state. */
async function until(task: UploadTask, state: UploadState): Promise<void> {
  for (let rounds = 0; task.state !== state; rounds += 1) {
    if (rounds > 20_000) throw new Error(`The upload is ${task.state}, not ${state}.`);
    await vi.advanceTimersByTimeAsync(1);
  }
}

async function pendingOf(changes: ClientChanges = {}): Promise<PendingUpload> {
  const [left, ...others] = await clientOf(server, { storage, ...changes }).pending();
  if (!left || others.length) throw new Error("Not exactly one upload is pending.");
  return left;
}

describe("upload", () => {
  test.each([0, 1, 16])("of %i bytes goes in one request", async (size) => {
    const states: UploadState[] = [];
    const task = start(size, { onState: (state) => states.push(state) });
    const record = await settle(task.result);
    expect(record).toMatchObject({ status: "stored", size, original_name: "a.bin" });
    expect(server.stored()).toEqual(bytes(size));
    expect(states).toEqual(["preparing", "uploading", "completing", "stored"]);
    expect(server.routes()).toEqual(["POST uploads/", `PUT s3/${record.id}`, `POST uploads/${record.id}/complete/`]);
    expect(task.record).toBe(record);
  });

  test("sends the headers of a whole file as they were signed", async () => {
    const record = await settle(start(5).result);
    const put = server.seen.find(({ route }) => route === `PUT s3/${record.id}`);
    expect(put?.headers).toEqual({ "Content-Type": "text/plain", "x-signed": "1" });
  });

  test("credentials go to the service and never to S3", async () => {
    await settle(
      start(50, {}, { authorization: () => "Token test-token", headers: () => ({ "X-CSRFToken": "x" }) }).result,
    );
    const [toS3, toService] = [true, false].map((isS3) =>
      server.seen.filter(({ route }) => route.includes(" s3/") === isS3),
    );
    expect(toService?.every(({ headers }) => headers.Authorization === "Token test-token")).toBe(true);
    for (const { headers } of toS3 ?? []) expect(headers).toEqual({ "Content-Type": "application/octet-stream" });
  });

  test("announces name, type, size, strategy, owner and checksum", async () => {
    const options = { contentType: "video/mp4", userId: "7", via: "parts" as const, checksum: "ab", key: "my-key" };
    await settle(start(5, options).result);
    expect(server.seen[0]?.json).toEqual({
      bucket: "bucket",
      file_name: "a.bin",
      size: 5,
      strategy: "multipart",
      content_type: "video/mp4",
      checksum_sha256: "ab",
      user_id: "7",
    });
    expect(server.seen[0]?.headers["Idempotency-Key"]).toBe("my-key");
  });

  test("of a file without name is called file", async () => {
    const task = clientOf(server).upload(bytes(3), { bucket: "bucket" });
    await settle(task.result);
    expect(task.fileName).toBe("file");
    expect(server.seen[0]?.json).not.toHaveProperty("content_type");
  });

  test("a lost answer to the announcement is repeated under the same key", async () => {
    server.next("POST uploads/", "swallow");
    await settle(start(5).result);
    expect(server.uploads.size).toBe(1);
    expect(new Set(server.seen.slice(0, 2).map(({ headers }) => headers["Idempotency-Key"])).size).toBe(1);
  });

  test("a lost answer to the completion is repeated", async () => {
    server.next("POST uploads/*/complete/", "swallow");
    expect((await settle(start(5).result)).status).toBe("stored");
  });

  test("a completion that says no longer pending returns the stored record", async () => {
    server.next("POST uploads/*/complete/", "swallow", failure(409, "upload_not_pending"));
    expect((await settle(start(5).result)).status).toBe("stored");
  });

  test.each(["pending", "rejected", "deleting"] as const)("no longer pending, but %s, is an error", async (status) => {
    server.always("POST uploads/*/complete/", failure(409, "upload_not_pending"));
    const task = start(5);
    const ending = settle(task.result);
    await until(task, "completing");
    const [upload] = server.uploads.values();
    if (upload) upload.record.status = status;
    await expect(ending).rejects.toMatchObject({ code: "upload_not_pending" });
  });

  test("an announcement of a stored upload returns its record", async () => {
    await settle(start(5, { key: "same" }).result);
    const before = server.seen.length;
    expect((await settle(start(5, { key: "same" }).result)).status).toBe("stored");
    expect(server.routes().slice(before)).toEqual(["POST uploads/", expect.stringMatching(/^GET uploads/)]);
  });

  test("a whole file is sent again with a fresh URL after a 403", async () => {
    server.next("PUT s3/*", { status: 403 });
    const record = await settle(start(5).result);
    expect(server.count(`PUT s3/${record.id}`)).toBe(2);
    expect(server.count("POST uploads/")).toBe(2);
  });

  test.each([403, 404])("a whole file that S3 always answers %i fails with storage_refused", async (status) => {
    server.always("PUT s3/*", { status });
    const task = start(5);
    await expect(settle(task.result)).rejects.toMatchObject({ code: "storage_refused" });
    expect(task.state).toBe("failed");
    expect(server.count("POST uploads/")).toBeLessThan(5);
  });

  test("a whole file that another request completed meanwhile is read after a 403", async () => {
    server.next("PUT s3/*", { status: 403 });
    const task = start(5);
    const ending = settle(task.result);
    while (!server.routes().some((route) => route.startsWith("PUT"))) await vi.advanceTimersByTimeAsync(1);
    const [upload] = server.uploads.values();
    upload?.parts.set(0, bytes(5));
    if (upload) upload.record.status = "stored";
    expect((await ending).status).toBe("stored");
  });

  test("a whole file that lies in S3 already (412) is completed", async () => {
    server.next("PUT s3/*", "swallow", { status: 412 });
    expect((await settle(start(5).result)).status).toBe("stored");
  });

  test("a whole file of which no byte left is sent again", async () => {
    server.next("PUT s3/*", "refuse", { status: 500 });
    await settle(start(5).result);
    expect(server.stored()).toEqual(bytes(5));
  });

  test("a whole file is completed if a fresh announcement says that it is stored", async () => {
    server.next("PUT s3/*", { status: 500 });
    const task = start(5);
    const ending = settle(task.result);
    await until(task, "waiting");
    const [upload] = server.uploads.values();
    upload?.parts.set(0, bytes(5));
    if (upload) upload.record.status = "stored";
    expect((await ending).status).toBe("stored");
  });

  test("a whole file whose answer was lost with its bytes is sent again after the completion", async () => {
    server.next("PUT s3/*", "cut");
    await settle(start(5).result);
    expect(server.stored()).toEqual(bytes(5));
    expect(server.count("POST uploads/")).toBe(2);
  });

  test("an error of the service is final and forgets the upload", async () => {
    server.always("POST uploads/", failure(413, "file_too_large", { limit: { max_file_bytes: 1 } }));
    const task = start(5);
    await expect(settle(task.result)).rejects.toMatchObject({ code: "file_too_large", limit: { max_file_bytes: 1 } });
    expect(task.state).toBe("failed");
    expect(task.error).toMatchObject({ code: "file_too_large" });
    expect(lines.size).toBe(0);
  });

  test("a lost connection fails with connection_lost after the patience, and can be resumed", async () => {
    server.always("PUT s3/*", "refuse");
    const task = start(50, { via: "parts" }, { patienceSeconds: 60 });
    await expect(settle(task.result)).rejects.toMatchObject({ code: "connection_lost" });
    expect(lines.size).toBe(1);
    server.always("PUT s3/*", "pass");
    task.resume();
    expect(task.error).toBeUndefined();
    expect((await settle(task.result)).status).toBe("stored");
    expect(server.stored()).toEqual(bytes(50));
    expect(lines.size).toBe(0);
  });

  test("waits while offline, tells why, and goes on when the network is back", async () => {
    const network = { online: true, listeners: new Set<() => void>() };
    const connectivity = {
      isOnline: () => network.online,
      subscribe: (listener: () => void) => {
        network.listeners.add(listener);
        return () => network.listeners.delete(listener);
      },
    };
    const states: UploadState[] = [];
    const task = start(95, { onState: (state) => states.push(state) }, { connectivity, patienceSeconds: 60 });
    await until(task, "uploading");
    server.always("PUT s3/*", "refuse");
    network.online = false;
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(task.state).toBe("waiting");
    expect(task.error).toMatchObject({ code: "connection_lost" });
    const before = server.seen.length;
    server.always("PUT s3/*", "pass");
    network.online = true;
    for (const listener of network.listeners) listener();
    await settle(task.result);
    expect(server.seen.length).toBeGreaterThan(before);
    expect(states[states.length - 1]).toBe("stored");
    expect(task.error).toBeUndefined();
    expect(server.stored()).toEqual(bytes(95));
  });

  test("waits before the announcement and returns to preparing", async () => {
    const states: UploadState[] = [];
    server.next("POST uploads/", "refuse");
    await settle(start(5, { onState: (state) => states.push(state) }).result);
    expect(states).toEqual(["preparing", "waiting", "preparing", "uploading", "completing", "stored"]);
  });

  test("subscribers hear of changes until they unsubscribe", async () => {
    const heard = vi.fn();
    const task = clientOf(server).prepare(bytes(5), { bucket: "bucket" });
    const unsubscribe = task.subscribe(heard);
    task.start();
    await until(task, "uploading");
    expect(heard).toHaveBeenCalled();
    unsubscribe();
    const calls = heard.mock.calls.length;
    await settle(task.result);
    expect(heard.mock.calls.length).toBe(calls);
  });
});

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

test("an error thrown by the core is always an UploaderError", async () => {
  const error = await settle(clientOf(server).upload(null, { bucket: "b" }).result).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(UploaderError);
});
