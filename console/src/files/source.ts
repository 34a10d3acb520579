import type { Pages, UploadRecord } from "s3-file-uploader-client";
import { client } from "../session.ts";

/** A file in a folder; its `path` is its name with its folders, as the user gave it. */
export type FileRecord = UploadRecord;
/** Pages of a folder. */
export type FolderSource = Pick<Pages<FileRecord>, "page">;

/** The request for a list. */
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
export function openFolder({ bucket, deep = false, ...options }: FolderQuery): FolderSource {
  return client.folder(bucket, { ...options, delimiter: deep ? "" : "/" });
}
