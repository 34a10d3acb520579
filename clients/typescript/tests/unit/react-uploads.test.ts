// @vitest-environment happy-dom
import { act, useEffect } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Client } from "../../src/client.js";
import { useUpload, useUploads } from "../../src/react.js";
import type { Transport } from "../../src/http/transport.js";
import type { KeyValueStorage } from "../../src/uploads/storage.js";
import { advance, renderHook } from "../support/rendered.js";
import { bytes, clientOf, failure, memoryStorage, ScriptedServer } from "../support/scripted.js";

const options = { bucket: "bucket", checksum: false } as const;

let server: ScriptedServer;
let storage: KeyValueStorage;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(console, "error").mockImplementation((...words) => {
    throw new Error(`React complains: ${words.join(" ")}`);
  });
  server = new ScriptedServer();
  server.latency = 100;
  storage = memoryStorage();
});

afterEach(() => {
  vi.useRealTimers();
});

const newClient = (account?: string) => clientOf(server, { storage, ...(account ? { account } : {}) });
const file = (size: number, name = "file.txt") =>
  new File([bytes(size) as Uint8Array<ArrayBuffer>], name, { lastModified: 1 });

test("useUpload renders states and progress up to the record", async () => {
  const hook = renderHook(useUpload, newClient());
  expect(hook.current.state).toBeUndefined();

  act(() => void hook.current.upload(file(35), options));
  await advance(2000);

  expect(hook.current).toMatchObject({ state: "stored", fileName: "file.txt", record: { status: "stored" } });
  expect(hook.current.progress).toEqual({ sentBytes: 35, storedBytes: 35, totalBytes: 35, attempt: 1 });
  const states = hook.renders.map(({ state }) => state).filter((state, place, all) => state !== all[place - 1]);
  expect(states).toEqual(["preparing", "uploading", "completing", "stored"]);
});

test("useUpload pauses, resumes and cancels", async () => {
  const hook = renderHook(useUpload, newClient());
  act(() => void hook.current.upload(file(95), options));
  await advance(250);
  act(() => hook.current.pause());
  expect(hook.current.state).toBe("paused");
  await advance(5000);
  expect(server.files.size).toBe(0);

  act(() => hook.current.resume());
  await advance(250);
  expect(hook.current.state).toBe("uploading");
  await act(async () => {
    const cancelling = hook.current.cancel();
    await vi.advanceTimersByTimeAsync(1000);
    await cancelling;
  });

  expect(hook.current.state).toBe("cancelled");
  expect(server.uploads.size).toBe(0);
});

test("useUpload shows the error of a failed upload, and goes on after it", async () => {
  server.next("POST uploads/", failure(429, "quota_exceeded"));
  const hook = renderHook(useUpload, newClient());
  act(() => void hook.current.upload(file(5), options));
  await advance(1000);
  expect(hook.current).toMatchObject({ state: "failed", error: { code: "quota_exceeded" } });

  act(() => hook.current.resume());
  await advance(1000);

  expect(hook.current).toMatchObject({ state: "stored", error: undefined });
});

test("useUpload shows the newest upload, and the earlier one ends as well", async () => {
  const hook = renderHook(useUpload, newClient());
  act(() => void hook.current.upload(file(25, "first.txt"), options));
  act(() => void hook.current.upload(file(35, "second.txt"), options));
  await advance(2000);

  expect(hook.current).toMatchObject({ fileName: "second.txt", state: "stored" });
  expect([...server.files.keys()].sort()).toEqual(["first.txt", "second.txt"]);
});

test("useUpload goes on after its screen was left", async () => {
  const hook = renderHook(useUpload, newClient());
  act(() => void hook.current.upload(file(35), options));
  await advance(30);
  hook.unmount();
  const { length } = hook.renders;
  await advance(2000);

  expect(server.stored()).toEqual(bytes(35));
  expect(hook.renders).toHaveLength(length);
});

test("useUploads sends as many files at once as it is told, and knows names and sizes of those that wait", async () => {
  const hook = renderHook((client: Client) => useUploads(client, { files: 2 }), newClient());
  act(() => void hook.current.add([file(35, "a.txt"), file(25, "b.txt"), file(15, "c.txt")], options));
  await advance(200);

  expect(hook.current.uploads.map(({ fileName }) => fileName)).toEqual(["a.txt", "b.txt", "c.txt"]);
  expect(hook.current.uploads[2]).toMatchObject({ state: "queued", progress: { totalBytes: 15 } });
  expect(hook.current.totals).toMatchObject({ files: 3, storedFiles: 0, totalBytes: 75 });
  await advance(3000);
  expect(hook.current.totals).toMatchObject({ storedFiles: 3, storedBytes: 75, sentBytes: 75 });
});

test("useUploads returns another object for what has changed, and the same for what has not", async () => {
  const client = newClient();
  const hook = renderHook((given: Client) => useUploads(given), client);
  act(() => void hook.current.add([file(5, "a.txt"), file(95, "b.txt")], options));
  await advance(450);
  hook.render(client);
  const { uploads } = hook.current;
  expect(uploads[0]?.state).toBe("stored");
  expect(uploads[1]?.state).toBe("uploading");

  hook.render(client);
  expect(hook.current.uploads).toBe(uploads);
  await advance(200);

  expect(hook.current.uploads).not.toBe(uploads);
  expect(hook.current.uploads[0]).toBe(uploads[0]);
  expect(hook.current.uploads[1]).not.toBe(uploads[1]);
  expect(hook.current.uploads[1]?.pause).toBe(uploads[1]?.pause);
});

test("useUploads pauses and resumes all, and clears what is stored", async () => {
  const hook = renderHook((client: Client) => useUploads(client), newClient());
  act(() => void hook.current.add([file(5, "a.txt"), file(95, "b.txt"), file(95, "c.txt")], options));
  await advance(450);
  act(() => hook.current.pause());
  await advance(1000);
  expect(hook.current.uploads.map(({ state }) => state)).toEqual(["stored", "paused", "paused"]);

  act(() => hook.current.clear());
  await advance(200);
  expect(hook.current.uploads.map(({ fileName }) => fileName)).toEqual(["b.txt", "c.txt"]);
  act(() => hook.current.resume());
  await advance(5000);

  expect(hook.current.totals).toMatchObject({ files: 2, storedFiles: 2 });
  expect(hook.current.uploads[0]?.record?.status).toBe("stored");
});

test("useUploads shows the same uploads on the next screen, and none of them as pending", async () => {
  const client = newClient();
  const first = renderHook((given: Client) => useUploads(given), client);
  act(() => void first.current.add([file(95, "a.txt"), file(95, "b.txt"), file(95, "c.txt")], options));
  await advance(250);
  first.unmount();
  const second = renderHook((given: Client) => useUploads(given), client);
  await advance(0);

  expect(second.current.uploads.map(({ fileName }) => fileName)).toEqual(["a.txt", "b.txt", "c.txt"]);
  expect(second.current.pending).toEqual([]);
  await advance(5000);
  expect(second.current.totals.storedFiles).toBe(3);
  expect(server.count("POST uploads/")).toBe(3);
});

/** Leave one upload with parts at S3 and one that has not begun, as a kill does. */
async function leaveTwo(): Promise<void> {
  const state = { isKilled: false };
  const transport: Transport = (request) => (state.isKilled ? new Promise(() => undefined) : server.transport(request));
  const client = clientOf(server, { storage, transport });
  const killed = renderHook((given: Client) => useUploads(given, { files: 1 }), client);
  act(() => void killed.current.add([file(95, "begun.txt"), file(15, "queued.txt")], options));
  await advance(250);
  killed.unmount();
  state.isKilled = true;
  await advance(1000);
  server.seen.length = 0;
}

test("useUploads lists what a kill has left, also what had not begun, and resumes it where it stopped", async () => {
  await leaveTwo();
  const hook = renderHook((client: Client) => useUploads(client), newClient());
  await advance(0);
  expect(hook.current.pending.map(({ fileName }) => fileName)).toEqual(["begun.txt", "queued.txt"]);
  const [held] = server.uploads.values();
  const parts = held?.parts.size ?? 0;
  expect(parts).toBeGreaterThan(0);

  act(() => void hook.current.pending[0]?.resume(file(95, "begun.txt"), { checksum: false }));
  await advance(0);
  expect(hook.current.pending.map(({ fileName }) => fileName)).toEqual(["queued.txt"]);
  await advance(5000);

  expect(hook.current.uploads).toMatchObject([{ fileName: "begun.txt", state: "stored" }]);
  expect(server.routes().filter((route) => route.startsWith("PUT s3/"))).toHaveLength(10 - parts);
});

test("useUploads resumes a pending upload once, also if it is told twice", async () => {
  await leaveTwo();
  const hook = renderHook((client: Client) => useUploads(client), newClient());
  await advance(0);
  const [left] = hook.current.pending;
  act(() => {
    const task = left?.resume(file(95, "begun.txt"), { checksum: false });
    expect(left?.resume(file(95, "begun.txt"), { checksum: false })).toBe(task);
  });
  await advance(5000);

  expect(hook.current.uploads).toHaveLength(1);
  expect(server.count("POST uploads/")).toBe(1);
});

test("useUploads discards what a kill has left", async () => {
  await leaveTwo();
  const hook = renderHook((client: Client) => useUploads(client), newClient());
  await advance(0);
  await act(async () => {
    const discarding = Promise.all(hook.current.pending.map((left) => left.discard()));
    await vi.advanceTimersByTimeAsync(1000);
    await discarding;
  });

  expect(hook.current.pending).toEqual([]);
  expect(server.uploads.size).toBe(0);
  expect(await newClient().pending()).toEqual([]);
});

test("useUploads starts nothing twice in strict mode, also if an effect resumes what is pending", async () => {
  await leaveTwo();
  const hook = renderHook(
    (client: Client) => {
      const uploads = useUploads(client);
      const { pending } = uploads;
      useEffect(
        () => pending.forEach((left) => left.resume(file(left.size, left.fileName), { checksum: false })),
        [pending],
      );
      return uploads;
    },
    newClient(),
    true,
  );
  await advance(0);
  act(() => void hook.current.add([file(5, "new.txt")], options));
  await advance(5000);

  const names = hook.current.uploads.map(({ fileName }) => fileName);
  expect(names).toEqual(["begun.txt", "queued.txt", "new.txt"]);
  expect(hook.current.totals.storedFiles).toBe(3);
  expect(hook.current.pending).toEqual([]);
  expect(server.count("POST uploads/")).toBe(3);
});

test("useUploads never shows the uploads of another client", async () => {
  await leaveTwo();
  const hook = renderHook((client: Client) => useUploads(client), newClient());
  await advance(0);
  act(() => void hook.current.pending[1]?.resume(file(15, "queued.txt")));
  await advance(0);
  expect(hook.current.uploads).toHaveLength(1);

  hook.render(newClient("another"));
  expect(hook.current).toMatchObject({ uploads: [], pending: [] });
  await advance(100);
  expect(hook.current).toMatchObject({ uploads: [], pending: [] });
});
