import { effect, signal } from "@preact/signals";
import type { UploadRecord } from "s3-file-uploader-client";
import { bucket, folder } from "./location.ts";

/** State that another part of the page, such as the upload queue, shows in the row of a file. */
export interface RowStatus {
  /** Words for the row, such as `Uploading`. */
  label: string;
  /** 0 to 1; leave it out if there is no progress to show. */
  fraction?: number;
}

/** States by id of an upload record. Replace the map to change it. */
export const rowStatuses = signal<ReadonlyMap<string, RowStatus>>(new Map());

/** Files and folders of the open folder, as far as they are loaded. */
export const records = signal<readonly UploadRecord[]>([]);
export const folders = signal<readonly string[]>([]);

/** Load the open folder again, for example after an upload. Several calls at once load it once. */
export function refresh(): void {
  clearTimeout(timer);
  timer = setTimeout(load, 150);
}

let timer: ReturnType<typeof setTimeout> | undefined;

function load(): void {}

effect(() => {
  void bucket.value;
  void folder.value;
  load();
});
