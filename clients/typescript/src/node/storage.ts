import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KeyValueStorage } from "../uploads/storage.js";

/** Keep unfinished uploads in a folder, one small file each. A kill never leaves half of one. */
export function folderStorage(folder: string): KeyValueStorage {
  let writes = 0;
  const pathOf = (key: string) => join(folder, `${createHash("sha256").update(key).digest("hex").slice(0, 32)}.json`);
  return {
    get: async (key) => (await readEntry(pathOf(key)))?.value ?? null,
    async set(key, value) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const beside = `${pathOf(key)}.${process.pid}.${(writes += 1)}`;
      await writeFile(beside, JSON.stringify({ key, value }), { mode: 0o600 });
      await rename(beside, pathOf(key));
    },
    delete: (key) => rm(pathOf(key), { force: true }),
    async keys() {
      const names = ((await unlessAbsent(readdir(folder))) ?? []).filter((name) => name.endsWith(".json"));
      const entries = await Promise.all(names.map((name) => readEntry(join(folder, name))));
      return entries.flatMap((entry) => (entry ? [entry.key] : []));
    },
  };
}

/** A file that is not whole JSON was cut by a power failure, or is not from here: it holds no upload. */
async function readEntry(path: string): Promise<{ key: string; value: string } | undefined> {
  const text = await unlessAbsent(readFile(path, "utf8"));
  try {
    return JSON.parse(text ?? "") as { key: string; value: string };
  } catch {
    return undefined;
  }
}

async function unlessAbsent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
