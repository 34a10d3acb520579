/** A file of 1 GiB takes no more memory than the parts that are sent at once. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, before, beforeEach, describe, test } from "node:test";
import { startService } from "../support/service.ts";
import { PLATFORMS } from "./harness/phone.ts";
import { App, type StoredRecord } from "./support/app.ts";
import { Folder, GIB, MIB, type MadeFile } from "./support/files.ts";

const CONCURRENCY = 3;

let service: Awaited<ReturnType<typeof startService>>;
let folder: Folder;
let cache: Folder;
let large: MadeFile;

before(async () => {
  service = await startService();
  folder = new Folder();
  cache = new Folder();
  large = folder.sparse("video.mp4", GIB);
});
after(async () => {
  await service.stop();
  folder.remove();
  cache.remove();
});

/** The largest part of an upload, by what JavaScript announced to the service. */
function partBytesOf(record: StoredRecord): number {
  const parts = Number(/-(\d+)$/.exec(record.etag)?.[1]);
  return 2 ** Math.ceil(Math.log2(record.size / parts));
}

/** Assert that the app never held more than the parts sent at once, as bytes and as base64. */
function assertBounded({ phone }: App, partBytes: number): void {
  const { base64, native } = phone.meter.peak;
  assert.ok(native <= CONCURRENCY * partBytes, `${native} bytes in native memory`);
  assert.ok(base64 <= CONCURRENCY * 4 * Math.ceil(partBytes / 3), `${base64} characters of base64`);
  assert.ok(phone.expo.largestRead <= partBytes, `${phone.expo.largestRead} bytes in one read`);
  assert.equal(phone.expo.wholeReads, 0);
}

for (const platform of PLATFORMS) {
  describe(platform, () => {
    let app: App;
    before(async () => void (app = await App.start(platform, cache.path, service)));
    after(() => app.phone.close());
    beforeEach(() => {
      app.phone.meter.reset();
      app.phone.expo.largestRead = 0;
    });

    for (const adapter of ["expo", "blob-util"] as const) {
      test(`1 GiB in parts with the adapter ${adapter} stays under ${CONCURRENCY} parts`, async () => {
        const options = { bucket: app.bucket, via: "parts", concurrency: CONCURRENCY };
        const record = await app.client(adapter).upload({ uri: large.uri }, options).result;
        assert.equal(record.size, GIB);
        console.log(record.etag, app.phone.meter.peak, app.phone.expo.largestRead);
        assertBounded(app, partBytesOf(record));
        assert.ok(adapter === "expo" ? app.phone.meter.peak.base64 > 0 : app.phone.meter.peak.native === 0);
        assert.deepEqual(readdirSync(cache.path), []);
      });
    }
  });
}
