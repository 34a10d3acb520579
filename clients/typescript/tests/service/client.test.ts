import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, readdir, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { cancelled } from "../../src/errors.js";
import { createClient, folderStorage, sendByNode, type NodeClient } from "../../src/node.js";
import type { Transport } from "../../src/http/transport.js";
import type { UploadOptions } from "../../src/uploads/options.js";
import { hashUrl } from "../support/random.js";
import { createBucket, freePort } from "../support/service.js";

const MIB = 1024 * 1024;
const service = inject("service");

let folder: string;
let bucket: string;
let user: NodeClient;
let staff: NodeClient;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "s3-file-uploader-client-"));
  bucket = await createBucket(service);
});

beforeEach(() => {
  user = clientOf(service.user);
  staff = clientOf(service.staff);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function clientOf(authorization: string, transport: Transport = sendByNode): NodeClient {
  const storage = folderStorage(join(folder, "storage", randomBytes(4).toString("hex")));
  return createClient({ baseUrl: service.baseUrl, authorization: () => authorization, storage, transport });
}

/** A client whose second part never arrives, and a promise that the first one has. */
function clientInTheMiddle(): { client: NodeClient; inTheMiddle: Promise<void>; letGo: () => void } {
  let isHeld = true;
  let arrive: () => void;
  const inTheMiddle = new Promise<void>((resolve) => (arrive = resolve));
  const client = clientOf(service.user, async (request) => {
    if (isHeld && request.url.includes("partNumber=2&")) {
      return new Promise((_, reject) => request.signal?.addEventListener("abort", () => reject(cancelled())));
    }
    const response = await sendByNode(request);
    if (request.url.includes("partNumber=1&")) arrive();
    return response;
  });
  return { client, inTheMiddle, letGo: () => (isHeld = false) };
}

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function writeTemporary(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

async function storedHash(client: NodeClient, fileName: string, inBucket = bucket): Promise<string> {
  return hashUrl((await client.downloadUrl(inBucket, fileName)).url);
}

const SMALL = randomBytes(100_000);
const LARGE = randomBytes(17 * MIB + 3);

describe("upload", () => {
  const ways: [string, Uint8Array, Partial<UploadOptions>, RegExp[]][] = [
    ["a small file by one PUT", SMALL, {}, [/^PUT .*\?.*X-Amz/]],
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
    expect(record.status).toBe("stored");
    expect(await storedHash(user, "unreachable.bin")).toBe(sha256Of(SMALL));
    const again = await client.upload(SMALL, { bucket, fileName: "again.bin" }).result;
    expect(again.file_name).toBe("again.bin");
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

describe("files, records and usage", () => {
  let own: string;

  beforeAll(async () => {
    own = await createBucket(service);
    const user = clientOf(service.user);
    for (const name of ["a/1.txt", "a/2.txt", "b.txt"]) {
      await user.upload(randomBytes(10), { bucket: own, fileName: name, via: "server" }).result;
    }
  });

  test("files lists by prefix, by folder and by pages", async () => {
    expect((await user.files(own).all()).map(({ file_name }) => file_name)).toEqual(["a/1.txt", "a/2.txt", "b.txt"]);
    expect(await user.files(own, { prefix: "a/" }).all()).toHaveLength(2);
    const page = await user.files(own, { delimiter: "/" }).page();
    expect(page).toMatchObject({ prefixes: ["a/"], isLast: true, items: [{ file_name: "b.txt", size: 10 }] });
    expect(await user.files(own, { pageSize: 1 }).all()).toHaveLength(3);
    expect(await user.files(own, { pageSize: 1 }).page()).toMatchObject({ isLast: false });
  });

  test("records lists by every filter, and record returns one", async () => {
    const records = await user.records({ bucket: own, pageSize: 2 }).all();
    expect(records.map(({ file_name }) => file_name)).toEqual(["b.txt", "a/2.txt", "a/1.txt"]);
    const [newest] = records;
    expect(await user.record(newest?.id ?? "")).toEqual(newest);
    const filter = { bucket: own, status: "stored", fileName: "2", createdAfter: "2020-01-01" } as const;
    expect(await user.records(filter).all()).toHaveLength(1);
    expect(await user.records({ bucket: own, createdBefore: "2020-01-01T00:00:00Z" }).all()).toEqual([]);
    expect(await user.records({ bucket: own, contentType: "image/png" }).all()).toEqual([]);
    expect(await staff.records({ bucket: own, userId: newest?.user_id ?? "" }).all()).toHaveLength(3);
  });

  test("usage counts bytes and files, of others for staff", async () => {
    expect(await user.usage(own)).toMatchObject({ bytes: 30, files: 3, quota_bytes: null });
    const [record] = await user.records({ bucket: own }).all();
    expect(await staff.usage(own, { userId: record?.user_id ?? "" })).toMatchObject({ files: 3 });
    expect(await staff.usage(own)).toMatchObject({ files: 0 });
  });

  test("delete removes file and record", async () => {
    await user.delete(own, "b.txt");
    expect(await user.files(own).all()).toHaveLength(2);
    await expect(user.downloadUrl(own, "b.txt")).rejects.toMatchObject({ code: "file_not_found", status: 404 });
  });

  test("a record that does not exist is upload_not_found", async () => {
    await expect(user.record("00000000-0000-4000-8000-000000000000")).rejects.toMatchObject({
      code: "upload_not_found",
    });
  });
});

describe("links", () => {
  test("downloadUrl lives as long and shows as asked", async () => {
    await user.upload(SMALL, { bucket, fileName: "link.png", via: "server", contentType: "application/octet-stream" })
      .result;
    const signed = await user.downloadUrl(bucket, "link.png", { expiresIn: 60, disposition: "attachment" });
    expect(signed.expires_in).toBe(60);
    const response = await fetch(signed.url);
    expect(response.headers.get("Content-Disposition")).toContain("attachment");
  });

  test("share makes a link that anybody opens until it is revoked", async () => {
    await user.upload(SMALL, { bucket, fileName: "shared.bin", via: "server" }).result;
    const link = await user.share(bucket, "shared.bin", { expiresIn: 600, maxDownloads: 5 });
    expect(link).toMatchObject({ max_downloads: 5, file_name: "shared.bin" });
    expect(await hashUrl(link.url)).toBe(sha256Of(SMALL));
    const listed = await user.shares({ bucket, fileName: "shared.bin" }).all();
    expect(listed).toMatchObject([{ id: link.id, downloads: 1 }]);
    await user.revokeShare(link.id);
    expect((await fetch(link.url)).status).toBe(404);
  });

  test("share of a file that does not exist is file_not_found", async () => {
    await expect(user.share(bucket, "no-such-file")).rejects.toMatchObject({ code: "file_not_found" });
  });
});

describe("buckets", () => {
  test("staff create, list and remove them", async () => {
    const name = `test-${randomBytes(6).toString("hex")}`;
    expect(await staff.createBucket(name)).toMatchObject({ name });
    expect((await staff.buckets()).map((found) => found.name)).toContain(name);
    await expect(staff.createBucket(name)).rejects.toMatchObject({ code: "bucket_exists" });
    await staff.removeBucket(name);
    expect((await staff.buckets()).map((found) => found.name)).not.toContain(name);
  });

  test("others may not create them", async () => {
    await expect(user.createBucket("test-not-allowed")).rejects.toMatchObject({
      code: "permission_denied",
      status: 403,
    });
  });
});

describe("credentials", () => {
  test("that are wrong are asked for again, and then used", async () => {
    const asked: boolean[] = [];
    const client = createClient({
      baseUrl: service.baseUrl,
      authorization: ({ rejected }) => {
        asked.push(rejected);
        return rejected ? service.user : "Token test-expired";
      },
    });
    expect(await client.usage(bucket)).toMatchObject({ quota_bytes: null });
    expect(asked).toEqual([false, true]);
  });

  test("that are missing are not_authenticated", async () => {
    const client = createClient({ baseUrl: service.baseUrl });
    await expect(client.buckets()).rejects.toMatchObject({ code: "not_authenticated", status: 401 });
  });
});

describe("an address", () => {
  test("that is not the service's is bad_answer, with what it said", async () => {
    const client = createClient({ baseUrl: new URL("/admin", service.baseUrl).href });
    await expect(client.buckets()).rejects.toMatchObject({ code: "bad_answer" });
  });

  test.each(["/relative", "localhost:8000", "ftp://localhost"])("%s is refused by Node.js", async (baseUrl) => {
    await expect(createClient({ baseUrl }).buckets()).rejects.toMatchObject({ code: "invalid" });
  });

  test("at which nothing listens is connection_lost", async () => {
    const client = createClient({ baseUrl: `http://127.0.0.1:${await freePort()}` });
    await expect(client.createBucket("test-nowhere")).rejects.toMatchObject({ code: "connection_lost" });
  });
});
