import { describe, expect, test, vi } from "vitest";
import { UploaderError } from "../../src/errors.js";
import type { UploadState } from "../../src/uploads/options.js";
import { bytes, clientOf, failure, settle } from "../support/scripted.js";
import { lines, server, start, until } from "../support/task.js";

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

test("an error thrown by the core is always an UploaderError", async () => {
  const error = await settle(clientOf(server).upload(null, { bucket: "b" }).result).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(UploaderError);
});
