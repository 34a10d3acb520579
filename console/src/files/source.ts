import type { UploadRecord } from "s3-file-uploader-client";
import { client } from "../session.ts";

/** A file in a folder. */
export type FileRecord = UploadRecord & {
  /** The name with its folders, as the user gave it. */
  path: string;
};

/** One page of a folder. */
export interface FolderPage {
  items: FileRecord[];
  prefixes: string[];
  isLast: boolean;
}

/** Pages of a folder. */
export interface FolderSource {
  page(): Promise<FolderPage | null>;
}

/** What to list. */
export interface FolderQuery {
  bucket: string;
  prefix: string;
  /** List the files of all folders below, too. */
  deep?: boolean;
  /** Staff only: the owner. */
  userId?: string;
  pageSize?: number;
  signal?: AbortSignal;
}

/** List a folder in pages. */
export function openFolder({
  bucket,
  prefix,
  deep = false,
  userId,
  pageSize = 500,
  signal,
}: FolderQuery): FolderSource {
  let isDone = false;
  return {
    async page() {
      if (isDone) return null;
      isDone = true;
      const options = { bucket, pageSize, ...(userId ? { userId } : {}), ...(signal ? { signal } : {}) };
      const records = await client.records(options).all();
      const all = records
        .filter(({ status }) => status !== "pending" && status !== "deleting")
        .map((record) => ({ ...record, path: record.original_name || record.file_name }))
        .filter(({ path }) => path.startsWith(prefix))
        .sort((one, other) => (one.path < other.path ? -1 : 1));
      if (deep) return { items: all, prefixes: [], isLast: true };
      const below = (path: string) => path.slice(prefix.length).includes("/");
      const prefixes = all
        .filter(({ path }) => below(path))
        .map(({ path }) => path.slice(0, path.indexOf("/", prefix.length) + 1));
      return { items: all.filter(({ path }) => !below(path)), prefixes: [...new Set(prefixes)], isLast: true };
    },
  };
}
