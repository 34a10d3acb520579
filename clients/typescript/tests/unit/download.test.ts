import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { UploaderError } from "../../src/errors.js";
import { downloadTo, type Download } from "../../src/node/download.js";
import { RangeServer } from "../support/ranges.js";

const MIB = 1024 * 1024;
let server: RangeServer;
let url: string;
let folder: string;
let path: string;

beforeEach(async () => {
  server = new RangeServer();
  url = await server.listen();
  server.content = randomBytes(3 * MIB);
  folder = await mkdtemp(join(tmpdir(), "s3-file-uploader-download-"));
  path = join(folder, "video.mp4");
});

afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

function download(options: Partial<Download> = {}): Promise<void> {
  const sign = () => Promise.resolve({ url, method: "GET", expires_in: 60, expires_at: "" });
  const connectivity = { isOnline: () => true, subscribe: () => () => undefined };
  return downloadTo({ path, sign, connectivity, patienceSeconds: 60, stallSeconds: 30, ...options });
}

async function expectWhole(): Promise<void> {
  expect((await readFile(path)).equals(server.content)).toBe(true);
  expect(await readdir(folder)).toEqual(["video.mp4"]);
}

/** Receive a part of the file, and stop. */
async function interrupt(bytes: number): Promise<string> {
  const abort = new AbortController();
  server.faults.push({ stallAfter: bytes });
  const onProgress = ({ receivedBytes }: { receivedBytes: number }) => {
    if (receivedBytes >= bytes) abort.abort();
  };
  await expect(download({ signal: abort.signal, onProgress })).rejects.toMatchObject({ code: "cancelled" });
  const [part = "", ...others] = await readdir(folder);
  expect(others).toEqual([]);
  return join(folder, part);
}

describe("a download", () => {
  test("saves the file and tells how far it is", async () => {
    const progress: { receivedBytes: number; totalBytes: number }[] = [];
    await download({ onProgress: (event) => progress.push(event) });
    await expectWhole();
    expect(progress[progress.length - 1]).toEqual({ receivedBytes: 3 * MIB, totalBytes: 3 * MIB });
    expect(server.seen).toEqual([{ range: undefined, status: 200, bytes: 3 * MIB }]);
  });

  test("of an empty file saves an empty file", async () => {
    server.content = new Uint8Array();
    await download();
    await expectWhole();
  });

  test("replaces an older file only once the new one is whole", async () => {
    await writeFile(path, "old");
    server.faults.push({ cutAfter: MIB }, { status: 404 });
    await expect(download()).rejects.toMatchObject({ code: "storage_refused", status: 404 });
    expect(await readFile(path, "utf8")).toBe("old");
  });

  test("goes on by Range after each cut, and receives no byte twice", async () => {
    server.faults.push({ cutAfter: MIB }, { cutAfter: 100_000 }, { cutAfter: 0 }, { cutAfter: MIB });
    const received: number[] = [];
    await download({ onProgress: ({ receivedBytes }) => received.push(receivedBytes) });
    await expectWhole();
    expect(server.seen.length).toBe(5);
    expect(server.seen.slice(1).every(({ status }) => status === 206)).toBe(true);
    const starts = server.seen.slice(1).map(({ range }) => Number(range?.slice("bytes=".length, -1)));
    // Each request begins behind the last byte that lay on the disk. Bytes that a cut swallows were not received.
    for (const start of starts) expect(received).toContain(start);
    expect(received).toEqual([...received].sort((one, other) => one - other));
  });

  test("goes on by Range in another process", async () => {
    await interrupt(2 * MIB);
    const before = server.seen.length;
    await download();
    await expectWhole();
    expect(server.seen.slice(before)).toEqual([{ range: `bytes=${2 * MIB}-`, status: 206, bytes: MIB }]);
  });

  test("asks nothing more if the part is whole already", async () => {
    const part = await interrupt(2 * MIB);
    await writeFile(part, server.content);
    await download();
    await expectWhole();
    expect(server.seen[server.seen.length - 1]).toMatchObject({ status: 416 });
  });

  test("begins anew if the part is longer than the file", async () => {
    const part = await interrupt(2 * MIB);
    await writeFile(part, randomBytes(4 * MIB));
    await download();
    await expectWhole();
  });

  test("begins anew if the file has changed", async () => {
    await interrupt(2 * MIB);
    server.content = randomBytes(3 * MIB);
    await download();
    await expectWhole();
    expect(server.seen[server.seen.length - 1]).toMatchObject({ status: 200 });
  });

  test("begins anew if it gets the rest of another file", async () => {
    await interrupt(2 * MIB);
    server.faults.push({ headers: { ETag: '"other"' } });
    await download();
    await expectWhole();
  });

  test("without ETag begins anew after a cut: nothing proves that it is the same file", async () => {
    const headers = { ETag: "" };
    server.faults.push({ cutAfter: MIB, headers }, { headers });
    await download();
    await expectWhole();
    expect(server.seen.map(({ range }) => range)).toEqual([undefined, undefined]);
  });

  test("does not join the parts of files whose names begin alike", async () => {
    await interrupt(2 * MIB);
    const other = join(folder, "video.mp4.part");
    const before = server.seen.length;
    await download({ path: other });
    expect(server.seen.slice(before)).toMatchObject([{ range: undefined, status: 200 }]);
    await download();
    expect((await readFile(path)).equals(server.content)).toBe(true);
  });

  test("saves a file whose name is as long as a name may be", async () => {
    path = join(folder, "n".repeat(255));
    await download();
    expect((await readFile(path)).equals(server.content)).toBe(true);
  });

  test("goes on when nothing moves", async () => {
    server.faults.push({ stallAfter: MIB });
    await download({ stallSeconds: 0.5 });
    await expectWhole();
    expect(server.seen).toHaveLength(2);
  });

  test.each([500, 503, 429, 408, 403])("is repeated with a fresh URL after HTTP %i", async (status) => {
    server.faults.push({ status });
    const sign = vi.fn(() => Promise.resolve({ url, method: "GET", expires_in: 60, expires_at: "" }));
    await download({ sign });
    await expectWhole();
    expect(sign).toHaveBeenCalledTimes(2);
  });

  test("that S3 forbids again and again is storage_refused", async () => {
    server.faults.push(...Array.from({ length: 9 }, () => ({ status: 403 })));
    await expect(download()).rejects.toMatchObject({ code: "storage_refused", status: 403 });
    expect(server.seen.length).toBeLessThan(6);
  });

  test("gives up with connection_lost after the patience", async () => {
    await server.close();
    await expect(download({ patienceSeconds: 0 })).rejects.toMatchObject({ code: "connection_lost" });
    await server.listen();
  });

  test("ends with the error of the service", async () => {
    const gone = new UploaderError("file_not_found", "Gone.", { status: 404 });
    await expect(download({ sign: () => Promise.reject(gone) })).rejects.toBe(gone);
  });

  test("that is aborted before it begins is cancelled", async () => {
    await expect(download({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "cancelled" });
    expect(server.seen).toEqual([]);
  });

  test.each(["no/folder/video.mp4", "folder", "file/video.mp4"])("to %s is file_unwritable at once", async (name) => {
    await mkdir(join(folder, "folder"));
    await writeFile(join(folder, "file"), "");
    const target = join(folder, name);
    const error = await download({ path: target }).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "file_unwritable", message: expect.stringContaining(folder) as string });
  });
});
