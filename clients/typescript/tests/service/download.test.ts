import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { createClient, type NodeClient } from "../../src/node.js";
import type { Assignment } from "../support/child.js";
import { runChild } from "../support/processes.js";
import { hashFile, writeRandomFile } from "../support/random.js";
import { createBucket } from "../support/service.js";

const SIZE = 64 * 1024 * 1024;
const service = inject("service");

let client: NodeClient;
let folder: string;
let bucket: string;
let fileName: string;
let sha256: string;
let path: string;

beforeAll(async () => {
  client = createClient({ baseUrl: service.baseUrl, authorization: () => service.user });
  folder = await mkdtemp(join(tmpdir(), "s3-file-uploader-download-"));
  bucket = await createBucket(service);
  sha256 = await writeRandomFile(join(folder, "original.bin"), SIZE);
  fileName = (await client.upload(join(folder, "original.bin"), { bucket }).result).file_name;
});

afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(async () => {
  path = join(await mkdtemp(join(folder, "target-")), "copy.bin");
});

async function partSize(): Promise<number> {
  const [part = ""] = await readdir(join(path, ".."));
  return (await stat(join(path, "..", part))).size;
}

async function expectWhole(): Promise<void> {
  expect(await hashFile(path)).toBe(sha256);
  expect(await readdir(join(path, ".."))).toEqual(["copy.bin"]);
}

test("download saves the file", async () => {
  await client.download(bucket, fileName, path);
  await expectWhole();
});

test("download goes on from the bytes that an abort has left", async () => {
  const abort = new AbortController();
  const options = { signal: abort.signal, onProgress: () => abort.abort() };
  await expect(client.download(bucket, fileName, path, options)).rejects.toMatchObject({ code: "cancelled" });
  const left = await partSize();
  const received: number[] = [];
  await client.download(bucket, fileName, path, { onProgress: ({ receivedBytes }) => received.push(receivedBytes) });
  expect(left).toBeGreaterThan(0);
  expect(received[0]).toBeGreaterThan(left);
  await expectWhole();
});

test("download goes on after its process was killed by SIGKILL, several times", async () => {
  const { baseUrl, user } = service;
  const assignment: Assignment = { action: "download", baseUrl, authorization: user, bucket, folder, path, fileName };
  const lefts = [0];
  for (const share of [0.2, 0.5, 0.8]) {
    const first: number[] = [];
    const child = runChild(assignment, (report) => {
      if (report.event !== "progress") return;
      first.push(report.bytes);
      if (report.bytes > share * SIZE) child.kill();
    });
    const reports = await child.ended;
    expect(reports.some(({ event }) => event === "ended")).toBe(false);
    // The first bytes of this run came behind those of the runs before.
    expect(first[0]).toBeGreaterThan(lefts[lefts.length - 1] ?? 0);
    lefts.push(await partSize());
  }
  expect(lefts).toEqual([...lefts].sort((one, other) => one - other));
  await runChild(assignment).ended;
  await expectWhole();
});

test("download of a file that does not exist is file_not_found", async () => {
  await expect(client.download(bucket, "no-such-file", path)).rejects.toMatchObject({ code: "file_not_found" });
});
