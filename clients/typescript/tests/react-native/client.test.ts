/** Every way of uploading, by the built client on React Native, to the running service with its embedded S3. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { startService } from "../support/service.ts";
import { PLATFORMS } from "./harness/phone.ts";
import { App, type Adapter, type StoredRecord } from "./support/app.ts";
import { Folder, KIB, MIB, sha256, type WrittenFile } from "./support/files.ts";
import { Sink } from "./support/sink.ts";

type Via = "auto" | "parts" | "put" | "server";

/** How an app has a file. `open` returns what it hands to `client.upload`. */
interface Kind {
  name: string;
  adapter: Adapter;
  open(app: App, file: WrittenFile): unknown;
}

const uriOf = (file: WrittenFile) => ({ uri: file.uri, name: file.name, type: "video/mp4", size: file.size });
const KINDS: Kind[] = [
  { name: "a File of Expo", adapter: "expo", open: (app, { uri }) => new app.module.FileSystem.File(uri) },
  { name: "{uri} with Expo's adapter", adapter: "expo", open: (_, file) => uriOf(file) },
  { name: "{uri} with blob-util's adapter", adapter: "blob-util", open: (_, file) => uriOf(file) },
  { name: "a Uint8Array", adapter: "none", open: (app, file) => app.phone.bytes(file.bytes) },
  { name: "a Blob", adapter: "none", open: (app, file) => app.readBlob(file.uri) },
];
const WAYS: { via: Via; bytes: number }[] = [
  { via: "auto", bytes: 300 * KIB },
  { via: "auto", bytes: 17 * MIB + 1 },
  { via: "parts", bytes: 11 * MIB },
  { via: "put", bytes: 17 * MIB },
  { via: "server", bytes: 2 * MIB },
];

let service: Awaited<ReturnType<typeof startService>>;
let folder: Folder;
let cache: Folder;

before(async () => {
  service = await startService();
  folder = new Folder();
  cache = new Folder();
});
after(async () => {
  await service.stop();
  folder.remove();
  cache.remove();
});

for (const platform of PLATFORMS) {
  describe(platform, () => {
    let app: App;
    before(async () => void (app = await App.start(platform, cache.path, service)));
    after(() => app.phone.close());
    beforeEach(() => app.phone.meter.reset());
    afterEach(() => {
      assert.equal(app.phone.meter.current.native, 0, "native memory is freed");
      assert.equal(app.phone.meter.current.base64, 0);
      assert.equal(app.phone.expo.openHandles, 0, "handles are closed");
      assert.deepEqual(readdirSync(cache.path), [], "the cache is empty");
    });

    async function assertStored(uploading: { result: Promise<StoredRecord> }, file: WrittenFile): Promise<void> {
      const record = await uploading.result;
      assert.equal(record.status, "stored");
      assert.equal(record.original_name, file.name);
      assert.equal(await app.hashStored(record), file.sha256);
    }

    for (const { name, adapter, open } of KINDS) {
      for (const { via, bytes } of WAYS) {
        test(`${name} of ${bytes} bytes is stored via ${via}`, async () => {
          const file = folder.write(`${platform} ${name.length} Été ${via} ${bytes}.mp4`, bytes);
          const opened = await open(app, file);
          const options = { bucket: app.bucket, fileName: file.name, via };
          await assertStored(app.client(adapter).upload(opened, options), file);
          (opened as { close?(): void }).close?.();
        });
      }
    }
  });
}
