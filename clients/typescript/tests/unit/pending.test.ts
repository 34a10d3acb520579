import { beforeEach, expect, test, vi } from "vitest";
import type { Client } from "../../src/client.js";
import { UploadQueue } from "../../src/uploads/queue.js";
import type { KeyValueStorage } from "../../src/uploads/storage.js";
import { bytes, clientOf, failure, memoryStorage, ScriptedServer, settle } from "../support/scripted.js";

let server: ScriptedServer;
let storage: KeyValueStorage;

beforeEach(() => {
  vi.useFakeTimers();
  server = new ScriptedServer();
  storage = memoryStorage();
});

const options = { bucket: "bucket", checksum: false } as const;
const newClient = (account?: string): Client => clientOf(server, { storage, ...(account ? { account } : {}) });
const namesOf = async (client: Client) => (await client.pending()).map(({ fileName }) => fileName);

test("pending leaves out uploads that run, are paused, or have ended in this client", async () => {
  const client = newClient();
  const task = client.upload(bytes(35), { ...options, fileName: "a.bin" });
  await vi.advanceTimersByTimeAsync(30);
  expect(await namesOf(client)).toEqual([]);
  expect(await namesOf(newClient())).toEqual(["a.bin"]);
  task.pause();
  expect(await namesOf(client)).toEqual([]);
  task.resume();
  await settle(task.result);
  expect(await namesOf(newClient())).toEqual([]);
});

test("pending lists an upload that has failed and can be resumed", async () => {
  server.next("POST uploads/", failure(401, "not_authenticated"));
  const client = newClient();
  const task = client.upload(bytes(5), { ...options, fileName: "a.bin" });
  await expect(settle(task.result)).rejects.toMatchObject({ code: "not_authenticated" });
  expect(await namesOf(client)).toEqual(["a.bin"]);
});

test("pending of one account lists nothing of another, nor of no account", async () => {
  newClient("ann@one").upload(bytes(5), { ...options, fileName: "of-ann.bin" });
  newClient().upload(bytes(5), { ...options, fileName: "of-none.bin" });
  await vi.advanceTimersByTimeAsync(0);

  expect(await namesOf(newClient("ann@one"))).toEqual(["of-ann.bin"]);
  expect(await namesOf(newClient("ann"))).toEqual([]);
  expect(await namesOf(newClient("ann@one:x"))).toEqual([]);
  expect(await namesOf(newClient())).toEqual(["of-none.bin"]);
});

test("pending lists what a queue had not begun, by what the file tells before it is opened", async () => {
  const client = newClient();
  const queue = new UploadQueue({ files: 1 });
  const asset = { uri: "file:///cache/IMG%201.jpg", fileName: "IMG 1.jpg", fileSize: 7, mimeType: "image/jpeg" };
  const unknownSize = { uri: "content://mail/1" };
  const blob = new File([bytes(9) as Uint8Array<ArrayBuffer>], "b.txt", { type: "text/plain" });
  const files = [bytes(35), asset, unknownSize, blob];
  queue.add(...files.map((file) => client.prepare(file, options)));
  await vi.advanceTimersByTimeAsync(30);

  const [, second, third, ...others] = await newClient().pending();
  expect(second).toMatchObject({ fileName: "IMG 1.jpg", size: 7, contentType: "image/jpeg", uri: asset.uri });
  expect(third).toMatchObject({ fileName: "b.txt", size: 9, contentType: "text/plain" });
  expect(others).toEqual([]);
  expect(queue.tasks.map(({ fileName }) => fileName)).toEqual(["file", "IMG 1.jpg", "1", "b.txt"]);
  expect(await namesOf(client)).toEqual([]);
  await settle(queue.cancel());
  expect(await newClient().pending()).toEqual([]);
});

test("resumed uploads keep the owner, and still replace a file if they were to", async () => {
  const client = newClient();
  const queue = new UploadQueue({ files: 1 });
  const owned = { ...options, fileName: "owned.bin", userId: "7" };
  const replacing = { ...options, fileName: "replacing.bin", overwrite: true };
  queue.add(...[options, owned, replacing].map((each) => client.prepare(bytes(5), each)));
  server.always("*/*", "hang");
  await vi.advanceTimersByTimeAsync(30);
  server.always("*/*", "pass");

  const [, second, third] = await newClient().pending();
  await settle(second?.resume(bytes(5), { checksum: false }).result ?? Promise.reject(new Error("Not pending.")));
  expect([...server.uploads.values()].pop()?.announcement.user_id).toBe("7");
  await settle(third?.resume(bytes(5), { checksum: false }).result ?? Promise.reject(new Error("Not pending.")));
  const put = server.seen.find(({ route }) => route.startsWith("PUT buckets/"));
  expect(put?.query.get("overwrite")).toBe("true");
});

test("prepare leaves the start to a queue", async () => {
  newClient().upload(bytes(95), { ...options, fileName: "a.bin" });
  await vi.advanceTimersByTimeAsync(50);
  const client = newClient();
  const [left] = await client.pending();
  const task = left?.prepare(bytes(95));
  expect(task).toMatchObject({ state: "queued", fileName: "a.bin", progress: { totalBytes: 95 } });
  if (task) new UploadQueue().add(task);
  expect(task?.state).toBe("preparing");
});

test("a queue tells each of its listeners, until it unsubscribes", async () => {
  const first = vi.fn();
  const second = vi.fn();
  const queue = new UploadQueue({ onChange: first });
  const unsubscribe = queue.subscribe(second);
  queue.add(newClient().prepare(bytes(5), options));
  await vi.advanceTimersByTimeAsync(100);
  unsubscribe();
  await vi.advanceTimersByTimeAsync(1000);

  expect(first).toHaveBeenLastCalledWith(expect.objectContaining({ files: 1, storedFiles: 1, storedBytes: 5 }));
  expect(second).toHaveBeenCalledTimes(1);
});

test("a queue forgets what is stored or cancelled when it is cleared", async () => {
  const client = newClient();
  const queue = new UploadQueue();
  const [stored, dropped, kept] = [1, 2, 3].map(() => client.prepare(bytes(5), options));
  if (!stored || !dropped || !kept) throw new Error("Three uploads were prepared.");
  queue.add(stored, dropped, kept);
  kept.pause();
  await settle(Promise.all([stored.result, dropped.cancel()]));
  queue.clear();

  expect(queue.tasks).toEqual([kept]);
  expect(queue.totals).toMatchObject({ files: 1, storedFiles: 0 });
});
