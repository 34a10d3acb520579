import { beforeAll, expect, test } from "vitest";
import type { UploadProgress } from "../../src/index.js";
import { FAULT_KINDS } from "../support/faults.js";
import { createFile, hash } from "./files.js";
import {
  createBucket,
  createTestClient,
  findFalseProgress,
  findHasty,
  findRepeatedParts,
  follow,
  hashStored,
  readLog,
} from "./world.js";

const MIB = 1024 * 1024;
const WAYS = [
  { via: "put", size: 300_000 },
  { via: "parts", size: 6 * MIB },
  { via: "server", size: 300_000 },
  { via: "auto", size: 30_000 },
] as const;
let bucket: string;

beforeAll(async () => {
  bucket = await createBucket();
});

/** Every request meets the fault once: announcing, signing, sending, asking and completing. */
test.each(FAULT_KINDS)("each request meets %s once: stored whole by every way", async (kind) => {
  const client = createTestClient({ stallSeconds: 0.5 });
  await client.upload(createFile(`first-${kind}.bin`, 1), { bucket, via: "put" }).result; // S3 has been reached.
  await follow({ seed: 1, rate: 1, kinds: [kind], attempts: 1 });
  const events = WAYS.map((): UploadProgress[] => []);
  const records = await Promise.all(
    WAYS.map(({ size, via }, index) => {
      const onProgress = (progress: UploadProgress) => events[index]?.push(progress);
      return client.upload(createFile(`${kind}-${via}.bin`, size), { bucket, via, onProgress }).result;
    }),
  );
  const log = await readLog();
  await follow();

  expect(log.filter(({ fault }) => fault === kind).length).toBeGreaterThan(0);
  expect(findRepeatedParts(log)).toEqual([]);
  if (kind === "busy-503") expect(findHasty(log, 1)).toEqual([]); // Retry-After: 1
  for (const [index, { size, via }] of WAYS.entries()) {
    expect(findFalseProgress(events[index] ?? [], size), via).toEqual([]);
    const sent = await hash(await createFile(`${kind}-${via}.bin`, size).arrayBuffer());
    expect(await hashStored(client, bucket, records[index]?.file_name ?? ""), via).toBe(sent);
  }
});

test.each(["lose-answer", "error-after"] as const)("a share link is not made twice after %s", async (kind) => {
  const client = createTestClient();
  const { file_name } = await client.upload(createFile(`shared-${kind}.bin`, 1), { bucket }).result;
  await follow({ seed: 1, rate: 1, kinds: [kind], attempts: 1 });
  await expect(client.share(bucket, file_name)).rejects.toMatchObject({ name: "UploaderError" });
  await follow();
  expect(await client.shares({ bucket, fileName: file_name }).all()).toHaveLength(1);
});
