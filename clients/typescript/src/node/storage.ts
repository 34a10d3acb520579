import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KeyValueStorage } from "../uploads/storage.js";

/** Keep unfinished uploads in a folder, one small file each. A kill never leaves half of one. */
export function folderStorage(folder: string): KeyValueStorage {
  const pathOf = (key: string) => join(folder, `${createHash("sha256").update(key).digest("hex").slice(0, 32)}.json`);
  const read = async (path: string) => JSON.parse(await readFile(path, "utf8")) as { key: string; value: string };
  return {
    get: async (key) => (await unlessAbsent(read(pathOf(key))))?.value ?? null,
    async set(key, value) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const beside = `${pathOf(key)}.${process.pid}`;
      await writeFile(beside, JSON.stringify({ key, value }), { mode: 0o600 });
      await rename(beside, pathOf(key));
    },
    delete: (key) => rm(pathOf(key), { force: true }),
    async keys() {
      const names = ((await unlessAbsent(readdir(folder))) ?? []).filter((name) => name.endsWith(".json"));
      const entries = await Promise.all(names.map((name) => unlessAbsent(read(join(folder, name)))));
      return entries.flatMap((entry) => (entry ? [entry.key] : []));
    },
  };
}

async function unlessAbsent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
