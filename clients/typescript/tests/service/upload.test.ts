import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, truncate, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { sendByNode } from "../../src/node.js";
import type { Transport } from "../../src/http/transport.js";
import type { UploadOptions } from "../../src/uploads/options.js";
import { freePort } from "../support/service.js";
import {
  MIB,
  service,
  bucket,
  user,
  staff,
  clientOf,
  clientInTheMiddle,
  sha256Of,
  writeTemporary,
  storedHash,
  SMALL,
  LARGE,
} from "../support/clients.js";

describe("upload", () => {
  const ways: [string, Uint8Array, Partial<UploadOptions>, RegExp[]][] = [
    ["a small file", SMALL.subarray(0, 50_000), {}, [/^PUT .*\/buckets\/.*\/files\/.*\?own_key=true$/]],
    ["a small file by one PUT", SMALL, { via: "put" }, [/^PUT .*\?.*X-Amz/]],
    ["a large file in parts", LARGE, {}, [/partNumber=1&/, /partNumber=2&/]],
    ["a small file in parts", SMALL, { via: "parts" }, [/partNumber=1&/]],
    ["a large file by one PUT", LARGE, { via: "put" }, [/^PUT .*\?.*X-Amz/]],
    ["a file through the server", SMALL, { via: "server" }, [/^PUT .*\/buckets\/.*\/files\//]],
    ["a large file through the server", LARGE, { via: "server" }, [/^PUT .*\/buckets\/.*\/files\//]],
    ["an empty file", new Uint8Array(), {}, [/^PUT /]],
    ["an empty file in parts", new Uint8Array(), { via: "parts" }, [/^PUT /]],
    ["an empty file through the server", new Uint8Array(), { via: "server" }, [/^PUT .*\/buckets\//]],
    ["a large file with a checksum", LARGE, { checksum: true }, [/partNumber=1&/]],
    ["a file without a checksum", SMALL, { checksum: false }, [/^PUT /]],
  ];

  test.each(ways)("of a path: %s", async (name, bytes, options, expected) => {
    const seen: string[] = [];
    const transport: Transport = (request) => {
      seen.push(`${request.method} ${request.url}`);
      return sendByNode(request);
    };
    const path = await writeTemporary(`${name}.bin`, bytes);
    const task = clientOf(service.user, transport).upload(path, { bucket, ...options });
    const record = await task.result;
    expect(record).toMatchObject({ status: "stored", size: bytes.byteLength, original_name: `${name}.bin` });
    expect(await storedHash(user, record.file_name)).toBe(sha256Of(bytes));
    for (const pattern of expected) expect(seen).toContainEqual(expect.stringMatching(pattern));
    const size = bytes.byteLength;
    expect(task.progress).toEqual({ sentBytes: size, storedBytes: size, totalBytes: size, attempt: 1 });
    expect(await user.pending()).toEqual([]);
  });

  const forms: [string, (path: string) => unknown][] = [
    ["a file: URL", (path) => pathToFileURL(path)],
    ["{uri} with a path", (path) => ({ uri: path, name: "named.bin", type: "application/octet-stream" })],
    ["{uri} with a file: address", (path) => ({ uri: pathToFileURL(path).href })],
    ["a stream", (path) => createReadStream(path)],
    [
      "a stream with a name and a type",
      (path) => ({ stream: createReadStream(path), name: "s.mp4", type: "video/mp4" }),
    ],
    ["a Uint8Array", () => new Uint8Array(SMALL)],
    [
      "a view of a larger buffer",
      () => Buffer.concat([randomBytes(7), SMALL, randomBytes(7)]).subarray(7, 7 + SMALL.length),
    ],
    ["a Blob", () => new Blob([SMALL], { type: "text/x" })],
    ["a File", () => new File([SMALL], "file.bin")],
  ];

  test.each(forms)("of %s", async (_name, make) => {
    const path = await writeTemporary("form.bin", SMALL);
    const record = await user.upload(make(path), { bucket }).result;
    expect(record).toMatchObject({ status: "stored", size: SMALL.byteLength });
    expect(await storedHash(user, record.file_name)).toBe(sha256Of(SMALL));
  });

  test.each(["a Blob", "a Uint8Array", "a stream"])("of %s of 17 MiB goes in parts", async (form) => {
    const file = { "a Blob": new Blob([LARGE]), "a Uint8Array": LARGE, "a stream": Readable.from([LARGE]) }[form];
    const record = await user.upload(file, { bucket, fileName: "large.bin" }).result;
    expect(await storedHash(user, record.file_name)).toBe(sha256Of(LARGE));
  });

  test("of a stream that is paused and resumed reads the stream once, and leaves no copy", async () => {
    const before = (await readdir(tmpdir())).filter((name) => /^s3-file-uploader-\w{6}$/.test(name));
    const stream = new PassThrough();
    stream.end(LARGE);
    const { client, inTheMiddle, letGo } = clientInTheMiddle();
    const task = client.upload(stream, { bucket, fileName: "stream.bin" });
    await inTheMiddle;
    task.pause();
    letGo();
    task.resume();
    expect(await storedHash(user, (await task.result).file_name)).toBe(sha256Of(LARGE));
    const after = (await readdir(tmpdir())).filter((name) => /^s3-file-uploader-\w{6}$/.test(name));
    expect(after).toEqual(before);
  });

  test("of a stream that fails is file_unreadable, and leaves no copy", async () => {
    const stream = new Readable({
      read() {
        this.destroy(new Error("tape torn"));
      },
    });
    await expect(user.upload(stream, { bucket }).result).rejects.toMatchObject({
      code: "file_unreadable",
      message: expect.stringContaining("tape torn") as string,
    });
  });

  const names = [
    "Été 1.txt",
    "日本語/ファイル.txt",
    "emoji 🎬.mp4",
    "per%cent%20.txt",
    "question?.txt",
    "hash#.txt",
    "plus+and&amp=.txt",
    "quote'\".txt",
    "space  two.txt",
    "semi;colon,comma.txt",
    "a".repeat(200),
  ];

  test.each(names)("keeps the name %s, directly and through the server", async (name) => {
    const bytes = randomBytes(50);
    const direct = await user.upload(bytes, { bucket, fileName: name }).result;
    expect(direct.original_name).toBe(name);
    expect(await storedHash(user, direct.file_name)).toBe(sha256Of(bytes));
    const served = await user.upload(bytes, { bucket, fileName: name, via: "server" }).result;
    expect(served.file_name).toBe(name);
    expect(await storedHash(user, name)).toBe(sha256Of(bytes));
    await user.delete(bucket, name);
    await user.delete(bucket, direct.file_name);
  });

  test("of the same name twice is stored twice directly, and is file_exists through the server", async () => {
    const [first, second] = [randomBytes(9), randomBytes(9)];
    const records = await Promise.all(
      [first, second].map((file) => user.upload(file, { bucket, fileName: "twice" }).result),
    );
    expect(new Set(records.map(({ file_name }) => file_name)).size).toBe(2);
    await user.upload(first, { bucket, fileName: "once.txt", via: "server" }).result;
    await expect(user.upload(second, { bucket, fileName: "once.txt", via: "server" }).result).rejects.toMatchObject({
      code: "file_exists",
      status: 409,
    });
  });

  test("with overwrite replaces the file", async () => {
    const [first, second] = [randomBytes(9), randomBytes(9)];
    await user.upload(first, { bucket, fileName: "over.txt", via: "server" }).result;
    const record = await user.upload(second, { bucket, fileName: "over.txt", overwrite: true }).result;
    expect(record.file_name).toBe("over.txt");
    expect(await storedHash(user, "over.txt")).toBe(sha256Of(second));
  });

  test("by staff for another user belongs to that user", async () => {
    const own = await user.upload(randomBytes(9), { bucket, fileName: "own.txt" }).result;
    const record = await staff.upload(SMALL, { bucket, fileName: "theirs.txt", userId: own.user_id ?? "" }).result;
    expect(record.user_id).toBe(own.user_id);
    expect(await storedHash(user, record.file_name)).toBe(sha256Of(SMALL));
  });

  test("for another user without being staff is permission_denied", async () => {
    await expect(user.upload(SMALL, { bucket, userId: "1" }).result).rejects.toMatchObject({ status: 403 });
  });

  test("with a wrong checksum is checksum_mismatch, and stores nothing", async () => {
    const fileName = "wrong.bin";
    const checksum = sha256Of(randomBytes(3));
    const failing = user.upload(SMALL, { bucket, fileName, checksum });
    await expect(failing.result).rejects.toMatchObject({ code: "checksum_mismatch" });
    await expect(user.upload(SMALL, { bucket, fileName, checksum, via: "server" }).result).rejects.toMatchObject({
      code: "checksum_mismatch",
    });
    expect((await user.files(bucket).all()).map(({ file_name }) => file_name)).not.toContain(fileName);
    await failing.cancel();
  });

  test("to a bucket that does not exist is bucket_not_found", async () => {
    await expect(user.upload(SMALL, { bucket: "no-such-bucket" }).result).rejects.toMatchObject({
      code: "bucket_not_found",
    });
    expect(await user.pending()).toEqual([]);
  });

  test("of an invalid field tells the field", async () => {
    const error = await user.upload(SMALL, { bucket, checksum: "not hex" }).result.catch((error: unknown) => error);
    expect(error).toMatchObject({
      code: "invalid",
      errors: { checksum_sha256: [{ code: expect.any(String) as string }] },
    });
  });

  test("that is cancelled leaves neither parts nor record", async () => {
    const before = await user.usage(bucket);
    const { client, inTheMiddle } = clientInTheMiddle();
    const task = client.upload(LARGE, { bucket, fileName: "cancelled.bin" });
    await inTheMiddle;
    await task.cancel();
    await expect(task.result).rejects.toMatchObject({ code: "cancelled" });
    expect(await user.usage(bucket)).toEqual(before);
    expect(await user.pending()).toEqual([]);
  });

  test("with the same key is the same upload", async () => {
    const options = { bucket, fileName: "key.bin", key: randomBytes(8).toString("hex") };
    const first = await user.upload(SMALL, options).result;
    const second = await user.upload(SMALL, options).result;
    expect(second.id).toBe(first.id);
  });

  test("with the same key for another file is idempotency_key_reused", async () => {
    const options = { bucket, fileName: "key.bin", key: randomBytes(8).toString("hex") };
    await user.upload(SMALL, options).result;
    await expect(user.upload(SMALL.subarray(1), options).result).rejects.toMatchObject({
      code: "idempotency_key_reused",
    });
  });

  test("of a file that became shorter while it was sent is file_changed", async () => {
    const path = await writeTemporary("shrinking.bin", LARGE);
    const task = user.upload(path, {
      bucket,
      concurrency: 1,
      checksum: false,
      onState: (state) => {
        if (state === "uploading") void truncate(path, 5 * MIB);
      },
    });
    await expect(task.result).rejects.toMatchObject({ code: "file_changed" });
    await task.cancel();
  });

  test("of a file that was written after a pause is file_changed", async () => {
    const path = await writeTemporary("rewritten.bin", LARGE);
    const { client, inTheMiddle } = clientInTheMiddle();
    const task = client.upload(path, { bucket });
    await inTheMiddle;
    task.pause();
    await utimes(path, new Date(), new Date(Date.now() + 5000));
    task.resume();
    await expect(task.result).rejects.toMatchObject({
      code: "file_changed",
      message: expect.stringContaining("not the file") as string,
    });
    await task.cancel();
  });

  test.each(["/dev/null", tmpdir(), join(tmpdir(), "no-such-file")])("of %s is file_unreadable", async (path) => {
    await expect(user.upload(path, { bucket }).result).rejects.toMatchObject({ code: "file_unreadable" });
    expect(await user.pending()).toEqual([]);
  });

  test("changes to the server when S3 cannot be reached", async () => {
    const dead = `http://127.0.0.1:${await freePort()}`;
    const transport: Transport = (request) => sendByNode({ ...request, url: request.url.replace(service.s3Url, dead) });
    const client = clientOf(service.user, transport);
    const record = await client.upload(SMALL, { bucket, fileName: "unreachable.bin" }).result;
    expect(record).toMatchObject({ status: "stored", file_name: `uploads/${record.id}/unreachable.bin` });
    expect(await storedHash(user, record.file_name)).toBe(sha256Of(SMALL));
    const again = await client.upload(SMALL, { bucket, fileName: "unreachable.bin" }).result;
    expect(again).toMatchObject({ file_name: `uploads/${again.id}/unreachable.bin`, path: "unreachable.bin" });
  });

  test("of many files stores each", async () => {
    const files = Array.from({ length: 12 }, () => randomBytes(1000));
    const queue = user.uploadMany(files, (_file, index) => ({ bucket, fileName: `many/${index}.bin` }), { files: 4 });
    const tasks = await queue.finished();
    const hashes = await Promise.all(tasks.map(({ record }) => storedHash(user, record?.file_name ?? "")));
    expect(hashes).toEqual(files.map(sha256Of));
    expect(queue.totals).toMatchObject({ files: 12, storedFiles: 12, storedBytes: 12_000, totalBytes: 12_000 });
  });
});

describe("handOver", () => {
  async function put(
    { headers, method, url }: { headers: Record<string, string>; method: string; url: string },
    bytes: Uint8Array,
  ) {
    return fetch(url, { method, headers, body: new Uint8Array(bytes) });
  }

  test("returns the request for another program, and settle the record", async () => {
    const handed = await user.handOver(SMALL, { bucket, fileName: "handed.bin" });
    expect((await user.pending()).map(({ handedOver, id }) => ({ handedOver, id }))).toEqual([
      { handedOver: true, id: handed.uploadId },
    ]);
    expect(Date.parse(handed.expiresAt)).toBeGreaterThan(Date.now());
    expect((await put(handed, SMALL)).status).toBe(200);
    const record = await user.settle(handed.uploadId);
    expect(record.status).toBe("stored");
    expect(await storedHash(user, record.file_name)).toBe(sha256Of(SMALL));
    expect(await user.pending()).toEqual([]);
    expect((await user.settle(handed.uploadId)).id).toBe(record.id); // Apps ask again after a lost answer.
  });

  test("with a checksum refuses other bytes", async () => {
    const handed = await user.handOver(SMALL, { bucket, fileName: "handed.bin", checksum: true });
    await put(handed, randomBytes(SMALL.byteLength));
    await expect(user.settle(handed.uploadId)).rejects.toMatchObject({ name: "UploaderError" });
    const [left] = await user.pending();
    await left?.discard();
    expect(await user.pending()).toEqual([]);
  });

  test("settle before the bytes have arrived keeps the upload, which pending can resume", async () => {
    const handed = await user.handOver(SMALL, { bucket, fileName: "handed.bin" });
    await expect(user.settle(handed.uploadId)).rejects.toMatchObject({ name: "UploaderError" });
    const [left] = await user.pending();
    const record = await left?.resume(SMALL).result;
    expect(record).toMatchObject({ id: handed.uploadId, status: "stored" });
    expect(await storedHash(user, record?.file_name ?? "")).toBe(sha256Of(SMALL));
  });

  test("settle of an upload that is unknown by now forgets it", async () => {
    const handed = await user.handOver(SMALL, { bucket, fileName: "handed.bin" });
    const response = await fetch(`${service.baseUrl}/uploads/${handed.uploadId}/`, {
      method: "DELETE",
      headers: { Authorization: service.user },
    });
    expect(response.status).toBe(204);
    await expect(user.settle(handed.uploadId)).rejects.toMatchObject({ code: "upload_not_found" });
    expect(await user.pending()).toEqual([]);
  });

  test("of a stored upload is file_exists", async () => {
    const key = randomBytes(8).toString("hex");
    const options = { bucket, fileName: "handed.bin", via: "put" as const, key };
    await user.upload(SMALL, options).result;
    await expect(user.handOver(SMALL, options)).rejects.toMatchObject({ code: "file_exists" });
    expect(await user.pending()).toEqual([]);
  });

  test("that the service refuses leaves nothing", async () => {
    await expect(user.handOver(SMALL, { bucket: "no-such-bucket" })).rejects.toMatchObject({
      code: "bucket_not_found",
    });
    expect(await user.pending()).toEqual([]);
  });
});
