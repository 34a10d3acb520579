import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient, folderStorage, type NodeClient } from "../../src/node.js";
import type { Assignment, Report } from "../support/child.js";
import { CountingProxy } from "../support/counting.js";
import { runChild } from "../support/processes.js";
import { createRandom, hashUrl, writeRandomFile } from "../support/random.js";
import { createBucket, startService } from "../support/service.js";

const KILLS = Number(process.env.KILLS ?? 6);
const SIZE = 200 * 1024 * 1024;
const SECONDS_PER_KILL = 60;

const proxy = new CountingProxy();
let service: Awaited<ReturnType<typeof startService>>;
let client: NodeClient;
let folder: string;
let bucket: string;
let sha256: string;

beforeAll(async () => {
  service = await startService({ publicS3Url: await proxy.listen() });
  proxy.target = service.s3Url;
  folder = await mkdtemp(join(tmpdir(), "s3-file-uploader-kill-"));
  sha256 = await writeRandomFile(join(folder, "video.bin"), SIZE);
  bucket = await createBucket(service);
  const storage = folderStorage(join(folder, "storage"));
  client = createClient({ baseUrl: service.baseUrl, authorization: () => service.user, storage });
});

afterAll(async () => {
  await service.stop();
  await proxy.close();
  await rm(folder, { recursive: true, force: true });
});

function assignmentOf(action: "upload" | "resume"): Assignment {
  const { baseUrl, user } = service;
  const [path, storage] = [join(folder, "video.bin"), join(folder, "storage")];
  return { action, baseUrl, authorization: user, bucket, folder: storage, path };
}

function recordOf(reports: Report[]): { id: string; status: string; file_name: string } | undefined {
  return reports.flatMap((report) => (report.event === "ended" ? report.records : []))[0];
}

/** Run a child, kill it after a time, and return its record if it was faster. */
async function runUntilKilled(action: "upload" | "resume", milliseconds: number) {
  const child = runChild(assignmentOf(action));
  await child.begun;
  const timer = setTimeout(() => child.kill(), milliseconds);
  const reports = await child.ended;
  clearTimeout(timer);
  await proxy.idle();
  return recordOf(reports);
}

/** Return the parts that S3 holds of the upload that was left. */
async function heldParts(): Promise<{ id: string | undefined; held: number[] }> {
  const [left, ...others] = await client.pending();
  expect(others).toEqual([]);
  if (!left?.id) return { id: undefined, held: [] };
  const response = await fetch(`${service.baseUrl}/uploads/${left.id}/parts/`, {
    headers: { Authorization: service.user },
  });
  // The upload was killed between its completion and the end.
  if (!response.ok) return { id: left.id, held: [] };
  const { parts } = (await response.json()) as { parts: { part_number: number }[] };
  return { id: left.id, held: parts.map(({ part_number }) => part_number) };
}

test(
  `an upload of 200 MiB killed at ${KILLS} random moments is stored, no part twice`,
  async () => {
    const random = createRandom();
    const began = Date.now();
    const undisturbed = runChild(assignmentOf("upload"));
    await undisturbed.begun;
    const start = Date.now();
    const first = recordOf(await undisturbed.ended);
    const duration = Date.now() - start;
    expect(first?.status).toBe("stored");
    await client.delete(bucket, first?.file_name ?? "");

    const counts = { kills: 0, uploads: 0, afresh: 0, heldAtResumes: 0, repeatedHeld: 0, puts: 0 };
    while (counts.kills < KILLS) {
      proxy.parts.length = 0;
      let record = await runUntilKilled("upload", random.next() * duration);
      while (!record) {
        counts.kills += 1;
        const { held, id } = await heldParts();
        counts.heldAtResumes += held.length;
        const before = proxy.parts.length;
        // The last resume of each upload runs to its end; one in three is killed as well.
        const limit = counts.kills < KILLS && random.next() < 1 / 3 ? random.next() * duration : 60_000;
        if (!id) counts.afresh += 1;
        // A kill before the first request leaves nothing: the app starts again.
        const isPending = (await client.pending()).length > 0;
        record = await runUntilKilled(isPending ? "resume" : "upload", limit);
        const sent = proxy.parts.slice(before).map(({ part }) => part);
        counts.repeatedHeld += sent.filter((part) => held.includes(part)).length;
      }
      counts.uploads += 1;
      counts.puts += proxy.parts.length;
      expect(record.status).toBe("stored");
      const { url } = await client.downloadUrl(bucket, record.file_name);
      expect(await hashUrl(url)).toBe(sha256);
      expect(await client.pending()).toEqual([]);
      const stored = proxy.parts.filter(({ isStored }) => isStored).map(({ part, uploadId }) => `${uploadId} ${part}`);
      expect(stored.length, `Seed ${random.seed}: S3 stored a part twice.`).toBe(new Set(stored).size);
      await client.delete(bucket, record.file_name);
    }
    console.log(`Seed ${random.seed}, ${(Date.now() - began) / 1000} s:`, JSON.stringify(counts));
    expect(counts.repeatedHeld, `Seed ${random.seed}`).toBe(0);
  },
  (KILLS + 2) * SECONDS_PER_KILL * 1000,
);
