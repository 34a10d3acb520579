import { signal } from "@preact/signals";
import type { FileRecord } from "./source.ts";

/** The file whose links are shown. */
export const shared = signal<FileRecord | undefined>(undefined);

/** Open the dialog that makes, lists and revokes the links to a file. */
export function openShare(record: FileRecord): void {
  shared.value = record;
}
