import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, inject } from "vitest";
import { cancelled } from "../../src/errors.js";
import { createClient, folderStorage, sendByNode, type NodeClient } from "../../src/node.js";
import type { Transport } from "../../src/http/transport.js";
import { hashUrl } from "./random.js";
import { createBucket } from "./service.js";

// Two clients and a bucket of the real service, for a file of tests.
export const MIB = 1024 * 1024;
export const service = inject("service");

export let folder: string;
export let bucket: string;
export let user: NodeClient;
export let staff: NodeClient;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "s3-file-uploader-client-"));
  bucket = await createBucket(service);
});

beforeEach(() => {
  user = clientOf(service.user);
  staff = clientOf(service.staff);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

export function clientOf(authorization: string, transport: Transport = sendByNode): NodeClient {
  const storage = folderStorage(join(folder, "storage", randomBytes(4).toString("hex")));
  return createClient({ baseUrl: service.baseUrl, authorization: () => authorization, storage, transport });
}

/** A client whose second part never arrives, and a promise that the first one has. */
export function clientInTheMiddle(): { client: NodeClient; inTheMiddle: Promise<void>; letGo: () => void } {
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

export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export async function writeTemporary(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

export async function storedHash(client: NodeClient, fileName: string, inBucket = bucket): Promise<string> {
  return hashUrl((await client.downloadUrl(inBucket, fileName)).url);
}

export const SMALL = randomBytes(100_000);
export const LARGE = randomBytes(17 * MIB + 3);
