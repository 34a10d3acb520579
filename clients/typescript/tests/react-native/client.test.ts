/** Every way of uploading, by the built client on React Native, to the running service with its embedded S3. */

import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startService } from "../support/service.ts";
import { PLATFORMS } from "./harness/phone.ts";
import { App, type Adapter, type StoredRecord } from "./support/app.ts";
import { Folder, KIB, MIB, sha256, type WrittenFile } from "./support/files.ts";

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
  { via: "auto", bytes: 30 * KIB },
  { via: "auto", bytes: 300 * KIB },
  { via: "auto", bytes: 17 * MIB + 1 },
  { via: "parts", bytes: 6 * MIB },
  { via: "put", bytes: 17 * MIB },
  { via: "server", bytes: 2 * MIB },
];

let service: Awaited<ReturnType<typeof startService>>;
let folder: Folder;
let cache: Folder;

before(async () => {
  // Parts of 5 MiB, so that small files have several.
  service = await startService({ environment: { DJANGO_SETTINGS_MODULE: "tests.support.small_parts_settings" } });
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
      assert.equal(app.phone.meter.current.base64, 0, "base64 is freed");
      assert.equal(app.phone.expo.openHandles, 0, "handles are closed");
      assert.deepEqual(readdirSync(cache.path), [], "the cache is empty");
    });

    /** A file with a name of its own, since a name is taken once a file went through the service. */
    const make = (bytes: number) => folder.write(`Été ${randomUUID()}.mp4`, bytes);

    async function assertStored(uploading: { result: Promise<StoredRecord> }, file: WrittenFile): Promise<void> {
      const record = await uploading.result;
      assert.equal(record.status, "stored");
      assert.equal(record.original_name, file.name);
      assert.equal(await app.hashStored(record), file.sha256);
    }

    for (const { name, adapter, open } of KINDS) {
      for (const { via, bytes } of WAYS) {
        test(`${name} of ${bytes} bytes is stored via ${via}`, async () => {
          const file = make(bytes);
          const opened = await open(app, file);
          const options = { bucket: app.bucket, fileName: file.name, via };
          await assertStored(app.client(adapter).upload(opened, options), file);
          (opened as { close?(): void }).close?.();
        });
      }
    }

    for (const via of ["auto", "put", "server"]) {
      test(`a small {uri} without an adapter is stored via ${via}`, async () => {
        const file = make(MIB);
        const { uri, name, size } = file; // Pickers may not tell a type.
        await assertStored(app.client("none").upload({ uri, name, size }, { bucket: app.bucket, via }), file);
      });
    }

    for (const [what, size] of [
      ["large", 17 * MIB],
      ["file of unknown size", undefined],
    ] as const) {
      test(`a ${what} {uri} without an adapter is refused before anything is read`, async () => {
        const file = { ...uriOf(make(MIB)), size };
        const count = app.phone.requests.length;
        const uploading = app.client("none").upload(file, { bucket: app.bucket });
        await assert.rejects(uploading.result, (error: { code: string; message: string }) => {
          assert.equal(error.code, "file_needs_adapter");
          assert.match(error.message, /expoFiles of .*blobUtilFiles of /);
          return true;
        });
        assert.equal(app.phone.requests.length, count);
      });
    }

    test("a {uri} without an adapter is never sent in parts, as each would be the whole file", async () => {
      const file = make(6 * MIB);
      const options = { bucket: app.bucket, via: "parts" };
      await assert.rejects(app.client("none").upload(uriOf(file), options).result, { code: "file_needs_adapter" });
    });

    for (const adapter of ["expo", "blob-util", "none"] as const) {
      test(`a file that does not exist fails soon with the adapter ${adapter}`, async () => {
        const file = { uri: `${folder.write("gone.mp4", 1).uri}-gone`, name: "gone.mp4", size: 10 };
        const client = app.client(adapter, { stallSeconds: 0.2, patienceSeconds: 1 });
        await assert.rejects(client.upload(file, { bucket: app.bucket }).result as Promise<unknown>);
      });
    }

    test("a File of Expo that does not exist is not stored as an empty file", async () => {
      const file = new app.module.FileSystem.File(`${folder.write("gone.mp4", 1).uri}-gone`);
      const uploading = app.client("expo").upload(file, { bucket: app.bucket });
      await assert.rejects(uploading.result as Promise<unknown>, { code: "file_unreadable" });
    });

    for (const adapter of ["expo", "blob-util"] as const) {
      test(`a pause and a resume repeat no part with the adapter ${adapter}`, async () => {
        const file = make(17 * MIB);
        let paused = false;
        const task = app.client(adapter).upload(uriOf(file), {
          bucket: app.bucket,
          concurrency: 1,
          onProgress: ({ storedBytes }: { storedBytes: number }) => {
            if (storedBytes && !paused) {
              paused = true;
              task.pause();
              setTimeout(() => task.resume(), 100);
            }
          },
        });
        await assertStored(task, file);
        assert.ok(paused);
      });

      test(`an upload that a kill has left goes on from its address with the adapter ${adapter}`, async () => {
        const file = make(17 * MIB);
        const kept = new Map<string, string>();
        const left = await App.start(platform, cache.path, service, app.bucket);
        await killAfterFirstPart(left, left.client(adapter, { storage: storageOf(kept) }), file);
        const [pending] = await app.client(adapter, { storage: storageOf(kept) }).pending();
        await assertStored(pending.resume(), file);
        assert.equal(kept.size, 0);
        cache.clear(); // A kill leaves the piece that blob-util was sending; the system clears the cache.
      });

      test(`cancel leaves no temporary file with the adapter ${adapter}`, async () => {
        const file = make(17 * MIB);
        const task = app.client(adapter).upload(uriOf(file), {
          bucket: app.bucket,
          concurrency: 1,
          onProgress: () => void task.cancel(),
        });
        await assert.rejects(task.result as Promise<unknown>, { code: "cancelled" });
        await sleep(300);
      });
    }

    test("a native uploader sends the request of handOver, and settle verifies it", async () => {
      const file = make(3 * MIB);
      const client = app.client("blob-util");
      const { headers, method, uploadId, url } = await client.handOver(uriOf(file), { bucket: app.bucket });
      const { ReactNativeBlobUtil } = app.module;
      await ReactNativeBlobUtil.fetch(method, url, headers, ReactNativeBlobUtil.wrap(file.path));
      await assertStored({ result: client.settle(uploadId) }, file);
    });

    test("a form of React Native arrives with its name percent-encoded, so original_name tells it", async () => {
      const file = make(MIB);
      const record = await app.sendForm(file, { original_name: file.name });
      assert.equal(record.original_name, file.name);
      assert.equal(record.file_name, encodeURIComponent(file.name));
      assert.equal(await app.hashStored(record), file.sha256);
    });
  });
}

describe("android only", () => {
  let app: App;
  before(async () => void (app = await App.start("android", cache.path, service)));
  after(() => app.phone.close());

  test("a content:// file that can seek is read where it is", async () => {
    const file = folder.write(`${randomUUID()}.mp4`, 6 * MIB);
    const { path, sha256, size } = file;
    const uri = `content://media/${randomUUID()}`;
    const stream = () => assert.fail("The file was copied.");
    app.phone.device.provide(uri, { size, available: size, type: "video/mp4", path, stream });
    const options = { bucket: app.bucket, fileName: "media.mp4", via: "parts", checksum: false };
    const record = await app.client("expo").upload({ uri, name: "media.mp4" }, options).result;
    assert.equal(await app.hashStored(record), sha256);
  });

  for (const adapter of ["expo", "blob-util"] as const) {
    for (const [told, size] of [
      ["no size", 0],
      ["its size", 6 * MIB],
    ] as const) {
      test(`a content:// file from a pipe that tells ${told} is stored with the adapter ${adapter}`, async () => {
        const bytes = randomBytes(6 * MIB);
        const uri = `content://cloud/${randomUUID()}`;
        app.phone.device.provide(uri, { size, available: 0, type: "video/mp4", stream: () => pipe(bytes) });
        const options = { bucket: app.bucket, fileName: "cloud.mp4", via: "parts" };
        const record = await app.client(adapter).upload({ uri, name: "cloud.mp4" }, options).result;
        assert.equal(await app.hashStored(record), sha256(bytes));
        assert.deepEqual(readdirSync(cache.path), [], "the copy is removed");
      });
    }
  }
});

/** Start an upload, and end the phone once a part is stored. */
async function killAfterFirstPart(app: App, client: ReturnType<App["client"]>, file: WrittenFile): Promise<void> {
  await new Promise<void>((resolve) => {
    client.upload(uriOf(file), {
      bucket: app.bucket,
      concurrency: 1,
      onProgress: ({ storedBytes }: { storedBytes: number }) => storedBytes && resolve(),
    });
  });
  app.phone.kill();
}

function storageOf(map: Map<string, string>): object {
  return {
    get: (key: string) => map.get(key) ?? null,
    set: (key: string, value: string) => map.set(key, value),
    delete: (key: string) => map.delete(key),
    keys: () => [...map.keys()],
  };
}

async function* pipe(bytes: Buffer): AsyncIterable<Uint8Array> {
  yield bytes;
}
