import type { UploadRecord } from "s3-file-uploader-client";
import { isComplete, noteStored, refresh } from "../listing.ts";
import { bucket, folder } from "../location.ts";
import { client } from "../session.ts";
import { moved } from "./board.ts";
import type { Item } from "./item.ts";
import { notes, type Replaced } from "./notes.ts";
import { onStored } from "./queue.ts";
import { holds, tellTabs } from "./tabs.ts";
import { refreshUsage } from "./usage.ts";

const FIRST_LOOK_SECONDS = 2;
const LONGEST_LOOK_SECONDS = 60;
const PAGE_SIZE = 1000;

/** Files that no scanner has found clean yet. */
const scanning = new Set<Item>();
let lookAgainIn = FIRST_LOOK_SECONDS;
let timer: ReturnType<typeof setTimeout> | undefined;

onStored((item) => void settle(item));

/**
 * Go on with a file of which the service has all bytes: wait for the scanners, then delete what it replaces. Call it again
 * if the deletion has failed.
 */
export async function settle(item: Item): Promise<void> {
  const { record } = item;
  if (!record) return;
  await notes.keep({ ...item, recordId: record.id }, item.key);
  if (record.status === "stored") await finish(item);
  else follow(item);
  if (item.bucket === bucket.value && item.path.startsWith(folder.value)) show(record);
  refreshUsage(item.bucket);
  tellTabs(item.bucket);
}

/** Show a file in the open folder: at once if the list is whole, and in its place once the queue has a rest. */
function show(record: UploadRecord): void {
  if (isComplete.value) noteStored(record);
  refresh();
}

async function finish(item: Item): Promise<void> {
  scanning.delete(item);
  try {
    await deleteReplaced(item);
    item.enter(undefined);
    await letGo(item);
  } catch (error) {
    item.enter("unreplaced", error as Error);
  }
  moved(item);
}

async function letGo({ key }: Item): Promise<void> {
  holds.release(key);
  await notes.remove(key);
}

/** Delete the files that a stored one replaces. A file that is gone already is no error. */
async function deleteReplaced({ bucket: inBucket, record, replaces }: ReplacingItem): Promise<void> {
  for (const { key } of replaces) {
    // A file that went through the server has its path as key: it has taken the place of the earlier one.
    if (key === record?.file_name) continue;
    await client.delete(inBucket, key).catch((error: Error & { code?: string }) => {
      if (error.code !== "file_not_found") throw error;
    });
  }
}

interface ReplacingItem {
  bucket: string;
  record: UploadRecord | undefined;
  replaces: readonly Replaced[];
}

function follow(item: Item): void {
  item.enter("scanning");
  scanning.add(item);
  lookAgainIn = FIRST_LOOK_SECONDS;
  lookLater();
  moved(item);
}

function lookLater(): void {
  timer ??= setTimeout(() => void look(), lookAgainIn * 1000);
  lookAgainIn = Math.min(LONGEST_LOOK_SECONDS, lookAgainIn * 2);
}

/** Ask which files the scanners have decided: one request for each bucket, and one for each file that left quarantine. */
async function look(): Promise<void> {
  timer = undefined;
  const buckets = new Set([...scanning].map((item) => item.bucket));
  for (const each of buckets) await lookAt(each).catch(() => undefined); // Later, when the service answers again.
  if (scanning.size) lookLater();
}

async function lookAt(inBucket: string): Promise<void> {
  const page = await client.records({ bucket: inBucket, status: "quarantined", pageSize: PAGE_SIZE }).page();
  const waiting = new Map(page?.items.map((record) => [record.id, record]));
  for (const item of scanning) {
    if (item.bucket !== inBucket) continue;
    const record = waiting.get(item.record?.id ?? "") ?? (await client.record(item.record?.id ?? ""));
    if (record.status === "quarantined") item.record = record;
    else await decide(item, record);
    moved(item);
  }
}

async function decide(item: Item, record: UploadRecord): Promise<void> {
  item.record = record;
  if (record.status === "stored") await finish(item);
  else {
    scanning.delete(item);
    item.enter("rejected");
    await letGo(item);
  }
  if (item.bucket === bucket.value) refresh();
  refreshUsage(item.bucket);
}

/**
 * Delete what files replace that were stored just before a reload. `keys`: the uploads that are unfinished; they replace
 * nothing yet.
 */
export async function finishReplacing(keys: ReadonlySet<string>): Promise<void> {
  for (const [key, { bucket: inBucket, recordId, replaces }] of await notes.all()) {
    if (keys.has(key) || holds.has(key) || !(await holds.hold(key))) continue;
    const record = recordId ? await client.record(recordId).catch(() => undefined) : undefined;
    if (record?.status === "stored") await deleteReplaced({ bucket: inBucket, record, replaces });
    if (record?.status !== "quarantined") await notes.remove(key);
    holds.release(key);
  }
}
