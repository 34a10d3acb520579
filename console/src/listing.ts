import { batch, computed, effect, signal } from "@preact/signals";
import { UploaderError } from "s3-file-uploader-client";
import { isFiltered, matches, needle, owner, sort, type SortKey } from "./files/filters.ts";
import { openFolder, type FileRecord, type FolderSource } from "./files/source.ts";
import { bucket, folder, view } from "./location.ts";
import { compareNames } from "./text.ts";

/** State that another part of the page, such as the upload queue, shows in the row of a file. */
export interface RowStatus {
  /** Words for the row, such as `Uploading`. */
  label: string;
  /** 0 to 1; leave it out if there is no progress to show. */
  fraction?: number;
}

/** A line of the list. */
export type Row =
  | { kind: "folder"; key: string; name: string; prefix: string }
  | { kind: "file"; key: string; name: string; record: FileRecord };

const PAGE_SIZE = 500;
const REFRESH_MILLISECONDS = 400;

/** States by path of a file in the open bucket. Replace the map to change it. */
export const rowStatuses = signal<ReadonlyMap<string, RowStatus>>(new Map());

/** Files and folders of the open folder, as far as they are loaded, in the order of the server. */
export const records = signal<readonly FileRecord[]>([]);
export const folders = signal<readonly string[]>([]);
export const isComplete = signal(false);
export const isLoading = signal(false);
/** Why the list could not be loaded. */
export const failure = signal<unknown>(undefined);
/** Files that are deleted soon, unless the user takes that back. */
export const hidden = signal<ReadonlySet<string>>(new Set());
/** True if the first page was all there is: then names are in the order of the language from the start. */
const isSmall = signal(false);

let source: FolderSource | undefined;
let aborting = new AbortController();
let loading: Promise<void> | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

const isDeep = computed(() => needle.value !== "");

/** The part of the path that a row shows: below the open folder. */
function nameOf(path: string): string {
  return path.slice(folder.value.length);
}

const sorted = computed(() => {
  const { key, isDescending } = sort.value;
  const all = records.value.filter(matches);
  if (key !== "name" || isDescending || isSmall.value) all.sort(COMPARE[key]);
  return isDescending ? all.reverse() : all;
});

const sortedFolders = computed(() => {
  if (isFiltered.value) return [];
  const all = [...folders.value].sort(compareNames);
  return sort.value.key === "name" && sort.value.isDescending ? all.reverse() : all;
});

const COMPARE: Record<SortKey, (one: FileRecord, other: FileRecord) => number> = {
  name: (one, other) => compareNames(one.path, other.path),
  size: (one, other) => (one.size ?? 0) - (other.size ?? 0),
  date: (one, other) => compareTexts(dateOf(one), dateOf(other)),
  type: (one, other) => compareTexts(one.content_type, other.content_type) || compareNames(one.path, other.path),
};

function compareTexts(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

/** Return when a file was stored, or else when its upload began. */
export function dateOf({ completed_at, created_at }: FileRecord): string {
  return completed_at ?? created_at;
}

/** The lines of the list: folders first, filtered, in the order that the user chose. */
export const rows = computed<readonly Row[]>(() => {
  const gone = hidden.value;
  const all: Row[] = [];
  for (const prefix of sortedFolders.value) {
    const name = nameOf(prefix).replace(/\/$/, "");
    all.push({ kind: "folder", key: `folder:${prefix}`, name, prefix });
  }
  for (const record of sorted.value) {
    if (!gone.has(record.id)) all.push({ kind: "file", key: record.id, name: nameOf(record.path), record });
  }
  return all;
});

/** The files among the lines. */
export const fileRows = computed(() => rows.value.flatMap((row) => (row.kind === "file" ? [row.record] : [])));

/** Load the next page, if there is one. */
export function loadMore(): Promise<void> {
  if (!loading) {
    // The list may begin anew meanwhile: then this page is not the one that loads.
    const page: Promise<void> = loadPage().finally(() => {
      if (loading === page) loading = undefined;
    });
    loading = page;
  }
  return loading;
}

/** Load all pages: to sort, filter or select all, the page needs all. */
export async function loadAll(): Promise<void> {
  while (!isComplete.value && !failure.value && bucket.value) await loadMore();
}

/** Load the open folder again, for example after an upload. Several calls at once load it once. */
export function refresh(): void {
  clearTimeout(timer);
  timer = setTimeout(() => void reload(), REFRESH_MILLISECONDS);
}

/** Show a file that was just stored, without asking the server for the whole folder again. */
export function noteStored(record: FileRecord): void {
  if (record.bucket !== bucket.value || !record.path.startsWith(folder.value)) return;
  const slash = record.path.indexOf("/", folder.value.length);
  const prefix = slash >= 0 && !isDeep.value ? record.path.slice(0, slash + 1) : undefined;
  if (prefix) folders.value = [...new Set([...folders.value, prefix])];
  else records.value = [...records.value.filter(({ id }) => id !== record.id), record];
}

/** Begin anew, with an empty list. */
export function open(): void {
  clearTimeout(timer);
  start();
  batch(() => {
    records.value = folders.value = [];
    isComplete.value = isSmall.value = isLoading.value = false;
    failure.value = undefined;
  });
  if (bucket.value) void loadMore();
}

/** Begin a list of the open folder; the one before ends. */
function start(pageSize = PAGE_SIZE): void {
  aborting.abort();
  aborting = new AbortController();
  loading = undefined;
  source = openSource(pageSize, aborting.signal);
}

function openSource(pageSize: number, signal: AbortSignal): FolderSource {
  return openFolder({
    bucket: bucket.value,
    prefix: folder.value,
    deep: isDeep.value,
    pageSize,
    signal,
    ...(owner.value ? { userId: owner.value } : {}),
  });
}

/** Load as many files as were there; what is shown stays until they have come. */
async function reload(): Promise<void> {
  const { signal } = aborting;
  const wanted = records.value.length;
  const fresh = new AbortController();
  const pages = openSource(Math.min(1000, Math.max(wanted, PAGE_SIZE)), fresh.signal);
  const files: FileRecord[] = [];
  const prefixes = new Set<string>();
  let isLast = false;
  try {
    while (!isLast && files.length <= wanted) {
      const page = await pages.page();
      if (signal.aborted) return;
      files.push(...(page?.items ?? []));
      for (const prefix of page?.prefixes ?? []) prefixes.add(prefix);
      isLast = page?.isLast ?? true;
    }
  } catch (error) {
    if (!signal.aborted) failure.value = error;
    return;
  }
  aborting.abort();
  aborting = fresh;
  loading = undefined;
  source = pages;
  batch(() => {
    records.value = files;
    folders.value = [...prefixes];
    isComplete.value = isLast;
    isLoading.value = false;
    failure.value = undefined;
  });
}

async function loadPage(): Promise<void> {
  const { signal } = aborting;
  isLoading.value = true;
  failure.value = undefined;
  try {
    const page = await source?.page();
    if (signal.aborted) return;
    batch(() => {
      const isFirst = !records.value.length && !folders.value.length;
      if (page?.items.length) records.value = [...records.value, ...page.items];
      if (page?.prefixes.length) folders.value = [...new Set([...folders.value, ...page.prefixes])];
      isComplete.value = page?.isLast ?? true;
      isSmall.value = isFirst && isComplete.value;
    });
  } catch (error) {
    if (!signal.aborted && !(error instanceof UploaderError && error.code === "cancelled")) failure.value = error;
  } finally {
    if (!signal.aborted) isLoading.value = false;
  }
}

/** Follow the address, the search and the owner. */
export function watchListing(): void {
  effect(() => {
    void [bucket.value, folder.value, owner.value, isDeep.value];
    if (view.value === "files") open();
  });
  effect(() => {
    const needsAll = isFiltered.value || sort.value.key !== "name" || sort.value.isDescending;
    if (needsAll && !isComplete.value && !isLoading.value && !failure.value && bucket.value) void loadAll();
  });
}
