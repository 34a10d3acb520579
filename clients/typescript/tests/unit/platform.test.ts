import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { openFile } from "../../src/files/source.js";
import { LARGEST_WHOLE_BYTES } from "../../src/files/uri.js";
import { detectConnectivity } from "../../src/http/connectivity.js";
import { folderStorage } from "../../src/node/storage.js";
import { createKey } from "../../src/uploads/key.js";
import { asyncStorage, defaultStorage } from "../../src/uploads/storage.js";
import { clientOf, ScriptedServer } from "../support/scripted.js";

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("detectConnectivity", () => {
  test("outside of a browser is always online", () => {
    const connectivity = detectConnectivity();
    const unsubscribe = connectivity.subscribe(() => undefined);
    expect(connectivity.isOnline()).toBe(true);
    unsubscribe();
  });

  test("in a browser follows navigator.onLine and the event online", () => {
    const window = new EventTarget();
    const navigator = { onLine: false };
    vi.stubGlobal("window", window);
    vi.stubGlobal("navigator", navigator);
    const connectivity = detectConnectivity();
    expect(connectivity.isOnline()).toBe(false);
    const heard = vi.fn();
    const unsubscribe = connectivity.subscribe(heard);
    window.dispatchEvent(new Event("online"));
    unsubscribe();
    window.dispatchEvent(new Event("online"));
    expect(heard).toHaveBeenCalledTimes(1);
  });
});

describe("storage", () => {
  test("asyncStorage passes everything on", async () => {
    const lines = new Map<string, string>();
    const storage = asyncStorage({
      getItem: (key) => Promise.resolve(lines.get(key) ?? null),
      setItem: (key, value) => Promise.resolve(lines.set(key, value)),
      removeItem: (key) => Promise.resolve(lines.delete(key)),
      getAllKeys: () => Promise.resolve([...lines.keys()]),
    });
    await storage.set("a", "1");
    await storage.set("b", "2");
    await storage.delete("a");
    expect([await storage.get("a"), await storage.get("b"), await storage.keys()]).toEqual([null, "2", ["b"]]);
  });

  test("default lasts as long as the client where there is no localStorage", async () => {
    const storage = defaultStorage();
    await storage.set("a", "1");
    await storage.set("b", "2");
    await storage.delete("a");
    expect([await storage.get("a"), await storage.get("b"), await storage.keys()]).toEqual([null, "2", ["b"]]);
    expect(await defaultStorage().keys()).toEqual([]);
  });

  test("default is localStorage in a browser", async () => {
    const items: Record<string, unknown> = {};
    Object.defineProperties(items, {
      getItem: { value: (key: string) => items[key] ?? null },
      setItem: { value: (key: string, value: string) => (items[key] = value) },
      removeItem: { value: (key: string) => Reflect.deleteProperty(items, key) },
    });
    vi.stubGlobal("window", { localStorage: items });
    const storage = defaultStorage();
    await storage.set("a", "1");
    await storage.set("b", "2");
    await storage.delete("a");
    expect([await storage.get("a"), await storage.get("b"), await storage.keys()]).toEqual([null, "2", ["b"]]);
  });

  test("default is memory in a browser that blocks localStorage", async () => {
    const window = {
      get localStorage(): never {
        throw new Error("SecurityError");
      },
    };
    vi.stubGlobal("window", window);
    const storage = defaultStorage();
    await storage.set("a", "1");
    expect(await storage.get("a")).toBe("1");
  });
});

describe("folderStorage", () => {
  async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), "s3-file-uploader-storage-"));
    await run(folder).finally(() => rm(folder, { recursive: true }));
  }

  test("keeps strings of any key across instances", () =>
    inFolder(async (folder) => {
      const storage = folderStorage(join(folder, "new/deep"));
      expect([await storage.keys(), await storage.get("a"), await storage.delete("a")]).toEqual([[], null, undefined]);
      const keys = ["a", "../../etc/passwd", "ü/😀", "x".repeat(5000)];
      for (const key of keys) await storage.set(key, `value of ${key}`);
      await storage.set("a", "second");
      await storage.delete("ü/😀");
      const other = folderStorage(join(folder, "new/deep"));
      expect([...(await other.keys())].sort()).toEqual(["../../etc/passwd", "a", "x".repeat(5000)]);
      expect([await other.get("a"), await other.get("ü/😀")]).toEqual(["second", null]);
      expect(await readdir(folder)).toEqual(["new"]);
    }));

  test("skips files that were cut, and leftovers of a kill", () =>
    inFolder(async (folder) => {
      const storage = folderStorage(folder);
      await storage.set("a", "1");
      await writeFile(join(folder, "cut.json"), '{"key": "b", "val');
      await writeFile(join(folder, "empty.json"), "");
      await writeFile(join(folder, "left.json.123"), '{"key": "c", "value": "1"}');
      expect(await storage.keys()).toEqual(["a"]);
    }));

  test("tells other errors", () =>
    inFolder(async (folder) => {
      await writeFile(join(folder, "file"), "");
      await expect(folderStorage(join(folder, "file")).keys()).rejects.toMatchObject({ code: "ENOTDIR" });
    }));
});

describe("openFile", () => {
  const uri = "file:///data/My%20Video.mp4?x#y";

  test("of a small {uri} sends its address", async () => {
    const source = await openFile({ uri, type: "video/mp4", size: LARGEST_WHOLE_BYTES }, undefined);
    expect(source).toMatchObject({
      name: "My Video.mp4",
      type: "video/mp4",
      size: LARGEST_WHOLE_BYTES,
      uri,
      holdsChunks: true,
    });
    expect(await source.read(0, LARGEST_WHOLE_BYTES)).toEqual({
      body: { uri, name: "My Video.mp4", type: "video/mp4" },
    });
  });

  test("takes the name of a {uri} as it is, if it cannot be decoded", async () => {
    expect((await openFile({ uri: "file:///100%.txt", size: 1 }, undefined)).name).toBe("100%.txt");
    expect((await openFile({ uri: "", size: 1 }, undefined)).name).toBe("");
  });

  test.each([
    [LARGEST_WHOLE_BYTES + 1, /16777217 bytes is large.*expoFiles.*blobUtilFiles/],
    [undefined, /size of this file is unknown/],
  ])("of a {uri} of %s bytes is file_needs_adapter, which names the adapters", async (size, message) => {
    await expect(openFile({ uri, size }, undefined)).rejects.toMatchObject({
      code: "file_needs_adapter",
      message: expect.stringMatching(message) as string,
    });
  });

  test("asks the adapter first", async () => {
    const source = { name: "", type: "", size: 1, holdsChunks: false, read: () => Promise.reject(new Error()) };
    const adapter = { open: (file: unknown) => Promise.resolve(file === "mine" ? source : undefined) };
    expect(await openFile("mine", adapter)).toBe(source);
    expect(await openFile(new Uint8Array(2), adapter)).toMatchObject({ size: 2 });
  });

  test("digests bytes and Blobs where WebCrypto is there, and not without", async () => {
    const sha256 = "9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0";
    const file = new TextEncoder().encode("aaa");
    expect(await (await openFile(file, undefined)).digest?.()).toBe(sha256);
    const blob = await openFile(new File([file], "a.txt", { type: "text/plain" }), undefined);
    expect(blob).toMatchObject({ name: "a.txt", type: "text/plain", size: 3 });
    expect(await blob.digest?.()).toBe(sha256);
    vi.stubGlobal("crypto", {});
    expect(await openFile(file, undefined)).not.toHaveProperty("digest");
    expect(await openFile(new Blob([file]), undefined)).not.toHaveProperty("digest");
  });
});

test("createKey never returns the same, and fits into a header", () => {
  const keys = Array.from({ length: 10_000 }, createKey);
  expect(new Set(keys).size).toBe(10_000);
  for (const key of keys) expect(key).toMatch(/^[a-z0-9-]{20,64}$/);
});

test.each([
  [new Uint8Array(7), 7],
  [new Blob(["12345"]), 5],
  [{ uri: "file:///a", size: 9 }, 9],
  [{ uri: "file:///a", fileSize: 8 }, 8],
  ["/a/path", 0],
  [null, 0],
])("an upload that waits knows the size of %s: %i", (file, size) => {
  const task = clientOf(new ScriptedServer()).prepare(file, { bucket: "bucket" });
  expect(task.progress).toEqual({ sentBytes: 0, storedBytes: 0, totalBytes: size, attempt: 1 });
});
