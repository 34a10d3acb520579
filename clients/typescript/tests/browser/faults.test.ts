import { expect, inject, test } from "vitest";
import type { UploadOptions, UploadProgress, UploadTask } from "../../src/index.js";
import { createRandom, FAULT_KINDS } from "../support/faults.js";
import type { LoggedRequest } from "../support/passing.js";
import { createFile, hash } from "./files.js";
import {
  createTestClient,
  findFalseProgress,
  findRepeatedParts,
  follow,
  hashStored,
  createBucket,
  readLog,
} from "./world.js";

const MIB = 1024 * 1024;
const FILES_AT_ONCE = 4;
const FAULT_RATE = 0.3;
const SECONDS_FOR_AN_UPLOAD = 15;
const uploads = inject("uploads");
const seed = inject("seed");

/** Draw a size: empty, small, of one part, or of several parts up to 40 MiB. */
function drawSize(random: () => number): number {
  const kind = random();
  if (kind < 0.05) return 0;
  if (kind < 0.4) return Math.floor(random() * 64 * 1024);
  if (kind < 0.7) return Math.floor(random() * 6 * MIB);
  return 6 * MIB + Math.floor(random() ** 2 * 34 * MIB);
}

/** Draw how a file goes: most as the client likes, some in parts whatever their size is, some through the server. */
function drawWay(random: () => number): UploadOptions["via"] {
  const way = random();
  if (way < 0.7) return "auto";
  return way < 0.85 ? "parts" : way < 0.95 ? "put" : "server";
}

function report(log: LoggedRequest[], tasks: UploadTask[], seconds: number): void {
  const counts = FAULT_KINDS.map((kind) => `${kind} ${log.filter(({ fault }) => fault === kind).length}`);
  const bytes = tasks.reduce((sum, { record }) => sum + (record?.size ?? 0), 0);
  const faults = log.filter(({ fault }) => fault).length;
  const stored = tasks.filter(({ state }) => state === "stored").length;
  console.log(
    `seed ${seed}: ${stored} of ${tasks.length} uploads stored, ${Math.round(bytes / MIB)} MiB, ${log.length} requests, ` +
      `${faults} faults in ${seconds.toFixed(0)} s\n${counts.join(", ")}`,
  );
}

test(
  `${uploads} uploads under faults are stored whole, and no part is sent again after S3 answered`,
  { timeout: uploads * SECONDS_FOR_AN_UPLOAD * 1000 },
  async () => {
    const client = createTestClient();
    const bucket = await createBucket();
    // The client knows S3 then. Otherwise three faults in a row would count as an S3 that cannot be reached from here.
    await client.upload(createFile("first.bin", 1), { bucket, via: "put" }).result;
    const random = createRandom(seed, "uploads");
    const files = Array.from({ length: uploads }, (_, index) => ({
      name: `${seed}-${index}.bin`,
      size: drawSize(random),
      via: drawWay(random),
      events: [] as UploadProgress[],
    }));
    await follow({ seed, rate: FAULT_RATE });
    const start = Date.now();
    const tasks = await uploadAll();
    const log = await readLog();
    await follow();
    report(log, tasks, (Date.now() - start) / 1000);

    expect(tasks.map(({ error, fileName, state }) => ({ error, fileName, state }))).toEqual(
      files.map(({ name }) => ({ error: undefined, fileName: name, state: "stored" })),
    );
    expect(findRepeatedParts(log)).toEqual([]);
    for (const [index, { events, name, size }] of files.entries()) {
      expect(findFalseProgress(events, size), name).toEqual([]);
      const record = tasks[index]?.record;
      expect(record).toMatchObject({ status: "stored", size, original_name: name });
      const sent = await hash(await createFile(name, size).arrayBuffer());
      expect(await hashStored(client, bucket, record?.file_name ?? ""), name).toBe(sent);
    }

    function uploadAll(): Promise<UploadTask[]> {
      const sources = files.map(({ name, size }) => createFile(name, size));
      const queue = client.uploadMany(
        sources,
        (_, index) => ({
          bucket,
          via: files[index]?.via,
          onProgress: (progress) => files[index]?.events.push(progress),
        }),
        { files: FILES_AT_ONCE },
      );
      return queue.finished();
    }
  },
);
