import { computed, signal } from "@preact/signals";
import { kindOf } from "./kinds.ts";
import type { FileRecord } from "./source.ts";

/** Columns by which the list is sorted. */
export type SortKey = "name" | "size" | "date" | "type";
/** Ages of files, in days. */
export type Age = "" | "1" | "7" | "30" | "365";

/** The text in the search field. */
export const query = signal("");
export const kind = signal("");
export const status = signal("");
export const age = signal<Age>("");
/** Staff: primary key of the owner; empty for all. */
export const owner = signal("");
export const sort = signal<{ key: SortKey; isDescending: boolean }>({ key: "name", isDescending: false });

/** The search in the form in which it is compared. */
export const needle = computed(() => fold(query.value.trim()));
export const isFiltered = computed(() => Boolean(needle.value || kind.value || status.value || age.value));

/** Forget the search and the filters. */
export function clearFilters(): void {
  query.value = kind.value = status.value = age.value = "";
}

/** Sort by a column; again, in the other direction. Dates and sizes begin with the newest and the largest. */
export function sortBy(key: SortKey): void {
  const isSame = sort.value.key === key;
  const isDescending = isSame ? !sort.value.isDescending : key === "date" || key === "size";
  sort.value = { key, isDescending };
}

/** Return true if a file passes the search and the filters. */
export function matches(record: FileRecord): boolean {
  if (needle.value && !fold(record.path).includes(needle.value)) return false;
  if (kind.value && kindOf(record.content_type) !== kind.value) return false;
  if (status.value && record.status !== status.value) return false;
  if (!age.value) return true;
  return Date.parse(record.completed_at ?? record.created_at) > Date.now() - Number(age.value) * 86_400_000;
}

/** Search ignores case and accents. */
function fold(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{Mn}/gu, "")
    .toLowerCase();
}
