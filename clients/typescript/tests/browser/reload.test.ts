import { afterEach, beforeEach, expect, inject, test } from "vitest";
import type { UploadRecord } from "../../src/index.js";
import { createRandom } from "../support/faults.js";
import { createBytes, createFile, hash } from "./files.js";
import { JOB, type PageJob, type PageWindow } from "./job.js";
import { BASE_URL, createBucket, createTestClient, findRepeatedParts, follow, hashStored, readLog } from "./world.js";

const MIB = 1024 * 1024;
const RELOADS = 5;
const seed = inject("seed");

beforeEach(() => localStorage.clear());
afterEach(async () => {
  localStorage.clear();
  await follow();
});

test(`${RELOADS} reloads in the middle: every upload goes on from what S3 holds`, { timeout: 120_000 }, async () => {
  const client = createTestClient();
  const bucket = await createBucket();
  const files = [24, 18, 12, 7, 3, 0].map((mib, index) => ({ name: `${index}.bin`, size: mib * MIB }));
  const job: PageJob = { baseUrl: BASE_URL, authorization: inject("service").user, bucket, files };
  localStorage.setItem(JOB, JSON.stringify(job));
  await follow({ seed, rate: 0.5, kinds: ["slow", "slow", "lose-answer"] });

  const random = createRandom(seed, "reloads");
  const frame = document.createElement("iframe");
  frame.src = "/reloaded";
  document.body.append(frame);
  const page = () => frame.contentWindow as PageWindow;
  let resumed = 0;
  for (let reload = 1; reload <= RELOADS; reload += 1) {
    await until(() => page().tasks?.some(({ state }) => state === "uploading"));
    await sleep(200 + 800 * random());
    resumed += page().resumed ?? 0;
    page().tasks = undefined;
    page().location.reload();
  }
  await until(() => page().tasks?.every(({ state }) => state === "stored"));
  frame.remove();

  expect(resumed).toBeGreaterThanOrEqual(RELOADS);
  const log = await readLog();
  await follow();
  expect(findRepeatedParts(log)).toEqual([]);
  expect(await client.pending()).toEqual([]);
  const records = await client.records({ bucket }).all();
  expect(records.map(({ original_name, size, status }) => ({ original_name, size, status }))).toEqual(
    expect.arrayContaining(files.map(({ name, size }) => ({ original_name: name, size, status: "stored" }))),
  );
  expect(records).toHaveLength(files.length);
  for (const { name, size } of files) {
    const record = records.find(({ original_name }) => original_name === name) as UploadRecord;
    expect(await hashStored(client, bucket, record.file_name), name).toBe(await hash(createBytes(name, size)));
  }
});

test("a file in one request, whose answer never came, is not sent again after a restart", async () => {
  const bucket = await createBucket();
  const file = createFile("once.bin", 300_000);
  await follow({ seed, rate: 1, kinds: ["stall-answer"], attempts: 1 });
  const first = createTestClient({ stallSeconds: 1 }).upload(file, { bucket, via: "put" });
  const puts = async () => (await readLog()).filter(({ method }) => method === "PUT");
  while (!(await puts()).some(({ upstreamStatus }) => upstreamStatus === 200)) await sleep(20);
  first.pause();

  const [left] = await createTestClient().pending();
  expect(await left?.resume(file).result).toMatchObject({ status: "stored", size: 300_000 });
  expect(await puts()).toHaveLength(1);
});

async function until(condition: () => boolean | undefined): Promise<void> {
  while (!condition()) await sleep(20);
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
