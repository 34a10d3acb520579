/**
 * A file of 1 GiB takes no more memory than the parts that are sent at once.
 *
 * The client and the modelled uploaders of Expo and blob-util are the same on both platforms, so one of them sends
 * 1 GiB. 256 MiB are ten times the bound, and suffice for the other platform and for blob-util.
 */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { startService } from "../support/service.ts";
import type { Platform } from "./harness/bundle.ts";
import { Meter } from "./harness/native/meter.ts";
import { App, type Adapter, type StoredRecord } from "./support/app.ts";
import { Folder, GIB, MIB, type MadeFile } from "./support/files.ts";

const CONCURRENCY = 3;

let service: Awaited<ReturnType<typeof startService>>;
let folder: Folder;
let cache: Folder;
let large: MadeFile;
let medium: MadeFile;

before(async () => {
  service = await startService();
  folder = new Folder();
  cache = new Folder();
  large = folder.sparse("video.mp4", GIB);
  medium = folder.sparse("clip.mp4", 256 * MIB);
});
after(async () => {
  await service.stop();
  folder.remove();
  cache.remove();
});

/** S3 ends the ETag of a file in parts with their number. The size of a part is a power of two. */
function partBytesOf({ etag, size }: StoredRecord): number {
  const parts = Number(/-(\d+)$/.exec(etag)?.[1]);
  return 2 ** Math.ceil(Math.log2(size / parts));
}

/** Assert that the app never held more than the parts that are sent at once, as bytes and as base64. */
function assertBounded({ phone }: App, partBytes: number): void {
  const { base64, native } = phone.meter.peak;
  assert.ok(native <= CONCURRENCY * partBytes, `${native} bytes in native memory`);
  assert.ok(base64 <= CONCURRENCY * 4 * Math.ceil(partBytes / 3), `${base64} characters of base64`);
  assert.ok(phone.expo.largestRead <= partBytes, `${phone.expo.largestRead} bytes in one read`);
  assert.equal(phone.expo.wholeReads, 0);
}

async function startApp(platform: Platform): Promise<App> {
  return App.start(platform, cache.path, service);
}

async function uploadBounded(app: App, adapter: Adapter, { size, uri }: MadeFile): Promise<void> {
  const options = { bucket: app.bucket, via: "parts", concurrency: CONCURRENCY };
  const record = await app.client(adapter).upload({ uri }, options).result;
  assert.equal(record.size, size);
  const partBytes = partBytesOf(record);
  assert.ok(size >= 10 * CONCURRENCY * partBytes, `${partBytes} bytes in a part`);
  assertBounded(app, partBytes);
  assert.deepEqual(readdirSync(cache.path), []);
  console.log(`${app.phone.platform}, ${adapter}: peaks ${JSON.stringify(app.phone.meter.peak)}`);
  app.phone.close();
}

test(`1 GiB of an Expo file stays under ${CONCURRENCY} parts on android`, async () => {
  const app = await startApp("android");
  await uploadBounded(app, "expo", large);
  assert.equal(app.phone.expo.openHandles, 0);
});

test(`256 MiB of an Expo file stay under ${CONCURRENCY} parts on ios`, async () => {
  const app = await startApp("ios");
  await uploadBounded(app, "expo", medium);
  assert.equal(app.phone.expo.openHandles, 0);
});

// The native uploader of blob-util is modelled alike for both platforms.
test(`256 MiB by blob-util stay under ${CONCURRENCY} parts`, async () => {
  await uploadBounded(await startApp("android"), "blob-util", medium);
});

test(`64 MiB of a Blob take their own memory and ${CONCURRENCY} parts`, async () => {
  const app = await startApp("ios");
  const blob = await app.readBlob(folder.sparse("blob.mp4", 64 * MIB).uri);
  const options = { bucket: app.bucket, fileName: "blob.mp4", via: "parts", concurrency: CONCURRENCY };
  const record = await app.client("none").upload(blob, options).result;
  assert.equal(app.phone.meter.peak.blob, 64 * MIB);
  assert.ok(app.phone.meter.peak.body > 0);
  assert.ok(app.phone.meter.peak.body <= CONCURRENCY * partBytesOf(record), String(app.phone.meter.peak.body));
  blob.close();
  app.phone.close();
});

test("a client that reads a file whole exceeds the bound", async () => {
  const app = await startApp("ios");
  const adapter = app.module.expoFiles(app.module.FileSystem);
  const file = new app.module.FileSystem.File(folder.sparse("whole.mp4", 32 * MIB).uri);
  const read = async () => ({ body: await file.open().readBytes(file.size) });
  const files = { open: async () => ({ ...(await adapter.open(file)), read, whole: read }) };
  await app.client("none", { files }).upload(file, { bucket: app.bucket, via: "put" }).result;
  assert.throws(() => assertBounded(app, 8 * MIB), /33554432 bytes in native memory/);
  app.phone.meter.reset();
  assert.throws(() => assertBounded(app, 8 * MIB), /33554432 bytes in one read/);
  app.phone.close();
});

test("a meter keeps the highest sum of what is held, by kind and together", () => {
  const meter = new Meter();
  const [releaseBlob, releaseBody] = [meter.hold("blob", 10), meter.hold("body", 5)];
  const releaseText = meter.hold("base64", 7);
  releaseBlob();
  releaseBlob();
  meter.hold("body", 1);
  assert.deepEqual(meter.current, { blob: 0, body: 6, base64: 7, native: 6 });
  assert.deepEqual(meter.peak, { blob: 10, body: 6, base64: 7, native: 15 });
  releaseBody();
  releaseText();
  meter.reset();
  assert.deepEqual(meter.peak, { blob: 0, body: 1, base64: 0, native: 1 });
});
