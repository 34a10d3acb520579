import { batch, computed, signal } from "@preact/signals";
import { UploadQueue, type UploaderError } from "s3-file-uploader-client";
import { client } from "../session.ts";
import type { Group, Item } from "./item.ts";
import { notes } from "./notes.ts";
import { RateMeter, secondsLeft } from "./rate.ts";
import { holds } from "./tabs.ts";
import { refreshUsage } from "./usage.ts";

/** Sums over the files that the panel counts. */
export interface Totals {
  files: number;
  storedFiles: number;
  sentBytes: number;
  totalBytes: number;
  rate: number | undefined;
  secondsLeft: number | undefined;
  /** Files whose bytes are on their way. */
  underway: number;
  paused: number;
  /** Files that failed and may be tried again. */
  failed: number;
}

const NOTHING: Totals = {
  files: 0,
  storedFiles: 0,
  sentBytes: 0,
  totalBytes: 0,
  rate: undefined,
  secondsLeft: undefined,
  underway: 0,
  paused: 0,
  failed: 0,
};
const FINISHED = ["stored", "scanning", "refused", "rejected", "unreplaced"];
const INTERVAL_MILLISECONDS = 200;
/** Files that the client prepares ahead. Each has a line in `localStorage`, which holds about five million characters. */
const MOST_AHEAD = 3000;
/** Files that are handed to the client at once, so that the page answers meanwhile. */
const SLICE = 100;

/** Files of the queue, by what they need. An array is replaced when a file joins or leaves it. */
export const groups: Record<Group, { value: readonly Item[] }> = {
  attention: signal<readonly Item[]>([]),
  active: signal<readonly Item[]>([]),
  done: signal<readonly Item[]>([]),
};
export const totals = signal(NOTHING);
/** True while the user has paused everything. */
export const isHeld = signal(false);
export const isEmpty = computed(
  () => !groups.attention.value.length && !groups.active.value.length && !groups.done.value.length,
);

type Task = NonNullable<Item["task"]>;
type StoredListener = (item: Item) => unknown;

const storedListeners: StoredListener[] = [];
let items: Item[] = [];
let backlog: Item[] = [];
const queue = new UploadQueue();
const dirty = new Set<Item>();
const meter = new RateMeter();
let sentInAll = 0;
let isMoved = false;
let feeding: ReturnType<typeof setTimeout> | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Return the files of the queue that are neither stored nor given up. */
export function unfinished(): Item[] {
  return items.filter(({ stage }) => !FINISHED.includes(stage));
}

/** Call `listener` with each file of which the service has all bytes. */
export function onStored(listener: StoredListener): void {
  storedListeners.push(listener);
}

/** Add files at the end: those to be sent, refused ones and interrupted ones. */
export function add(added: readonly Item[]): void {
  if (!items.some(({ group }) => group === "active")) beginAnew();
  items = items.concat(added);
  backlog = backlog.concat(added.filter(({ file, stage }) => file && stage === "queued"));
  feed();
  isMoved = true;
  changed(...added);
}

/** Leave the files of an earlier drop out of the totals, and a pause of which nothing is left. */
function beginAnew(): void {
  for (const item of items) item.isOld ||= item.group === "done";
  if (isHeld.value) resumeAll();
}

/** Hand files to the client, a few at once and a limited number ahead. */
function feed(): void {
  feeding = undefined;
  const room = Math.min(SLICE, MOST_AHEAD - queue.tasks.length);
  if (room <= 0 || !backlog.length) return;
  const next = backlog.slice(0, room);
  backlog = backlog.slice(room);
  if (backlog.length) feeding = setTimeout(feed);
  for (const item of next) follow(item, prepare(item), false);
  queue.add(...next.flatMap(({ task }) => task ?? []));
}

function prepare({ bucket, file, path }: Item): Task {
  return client.prepare(file, { bucket, fileName: path });
}

function follow(item: Item, task: Task, isResumed: boolean): void {
  let state = task.state;
  item.follow(task, isResumed);
  void notes.keep(item, task.key);
  void holds.hold(task.key);
  task.subscribe(() => {
    if (item.task !== task) return;
    if (task.key !== item.key) takeKey(item, task);
    if (task.state !== state) {
      state = task.state;
      entered(item, task);
    }
    changed(item);
  });
}

/** The service has forgotten an upload that was interrupted long ago: the client sends the file under another key. */
function takeKey(item: Item, { key }: Task): void {
  holds.release(item.key);
  void notes.remove(item.key);
  item.key = key;
  void holds.hold(key);
  void notes.keep(item, key);
}

function entered(item: Item, task: Task): void {
  isMoved = true;
  if (task.state === "stored" && task.record) {
    item.finish(task.record);
    for (const listener of storedListeners) listener(item);
    if (queue.tasks.length >= MOST_AHEAD / 2) queue.clear();
    feedLater();
  }
  if (task.state === "waiting") void lookForFile(item, task);
  if (task.state === "failed") {
    // `Resume all` is for files that wait: a file that failed has a button of its own.
    unqueue(task);
    feedLater();
  }
}

function feedLater(): void {
  if (backlog.length) feeding ??= setTimeout(feed);
}

/**
 * Stop an upload whose file was moved, changed or deleted. To the client, that looks like a lost connection: a browser does
 * not say why it could not send.
 */
async function lookForFile(item: Item, task: Task): Promise<void> {
  if (!navigator.onLine || (await isReadable(item.file)) || item.task !== task || task.state === "stored") return;
  task.pause();
  unqueue(task);
  item.enter("unreadable");
  moved(item);
}

async function isReadable(file: File | undefined): Promise<boolean> {
  try {
    await file?.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

function unqueue(task: Task): void {
  const place = queue.tasks.indexOf(task);
  if (place >= 0) queue.tasks.splice(place, 1);
}

/** Note that rows have to be drawn anew. */
export function changed(...changed: readonly Item[]): void {
  for (const item of changed) dirty.add(item);
  timer ??= setTimeout(draw, INTERVAL_MILLISECONDS);
}

/** Note that a file has another stage, so that it may belong to another group. */
export function moved(item: Item): void {
  isMoved = true;
  changed(item);
}

function draw(): void {
  timer = undefined;
  const now = Date.now();
  batch(() => {
    for (const item of dirty) {
      sentInAll += item.measure(now);
      item.version.value += 1;
    }
    dirty.clear();
    if (isMoved) regroup();
    totals.value = sum(now);
  });
  // Speeds fall, and the time left grows, while nothing is heard of a file.
  if (totals.value.underway) changed(...items.filter(({ isSending }) => isSending));
}

function regroup(): void {
  isMoved = false;
  for (const group of ["attention", "active", "done"] as const) {
    groups[group].value = items.filter((item) => item.group === group);
  }
}

function sum(now: number): Totals {
  const counted = { ...NOTHING };
  for (const item of items) {
    const { stage } = item;
    if (item.isUnderway) counted.underway += 1;
    if (stage === "paused") counted.paused += 1;
    if (stage === "failed") counted.failed += 1;
    if (item.isOld || (item.group === "attention" && stage !== "unreplaced")) continue;
    counted.files += 1;
    counted.sentBytes += item.sentBytes;
    counted.totalBytes += item.size;
    if (stage === "stored" || stage === "scanning") counted.storedFiles += 1;
  }
  if (counted.underway) meter.note(sentInAll, now);
  else meter.reset();
  counted.rate = meter.rate;
  counted.secondsLeft = secondsLeft(counted.totalBytes - counted.sentBytes, meter.rate);
  return counted;
}

/** Pause one file. */
export function pause({ task }: Item): void {
  task?.pause();
}

/** Go on with a file that is paused or failed, or after a reload with the same file, opened again. */
export function resume(item: Item, file?: File): void {
  const { pending, task } = item;
  if (pending) {
    follow(item, pending.prepare(file), true);
    queue.add(...(item.task ? [item.task] : []));
  } else if (task?.state === "failed") {
    retry(item, task);
  } else if (task) {
    // While everything is paused, the queue starts nothing: the file goes on at once.
    if (isHeld.value) task.resume();
    else task.enqueue();
  }
  moved(item);
}

function retry(item: Item, task: Task): void {
  // The service has refused the upload for good, and would refuse its key again.
  if (isLasting(task.error)) follow(item, prepare(item), false);
  else task.enqueue();
  queue.add(...(item.task ? [item.task] : []));
}

/** Send a file anew that the browser could not read any more. It may have been changed since, so no part of it is kept. */
export async function restart(item: Item, file: File): Promise<void> {
  const { task } = item;
  item.file = file;
  item.size = file.size;
  item.source = undefined;
  const next = prepare(item);
  follow(item, next, false);
  if (task) unqueue(task);
  queue.add(next);
  moved(item);
  if (!task) return;
  holds.release(task.key);
  await notes.remove(task.key);
  await task.cancel().catch(() => undefined); // Its parts expire.
}

function isLasting(error: UploaderError | undefined): boolean {
  const { code, status } = error ?? { code: "", status: 0 };
  return status >= 400 && status < 500 && ![401, 408].includes(status) && code !== "throttled";
}

/** Pause everything that is on its way, and start nothing. */
export function pauseAll(): void {
  isHeld.value = true;
  queue.pause();
}

export function resumeAll(): void {
  isHeld.value = false;
  queue.resume();
}

/** Try all failed files again. */
export function retryAll(): void {
  for (const item of items) if (item.stage === "failed") resume(item);
}

/** Take a file from the queue: cancel its upload, or forget an unfinished one, and free its parts in S3. */
export async function remove(item: Item): Promise<void> {
  forget([item]);
  // If S3 cannot be told, the parts that have arrived expire there.
  await end(item).catch(() => undefined);
}

/** Cancel everything that is not stored. */
export async function removeAll(): Promise<void> {
  const cancelled = items.filter(({ group, stage }) => group === "active" && stage !== "scanning");
  forget(cancelled);
  // Without the pause, each cancelled upload would make room for the next one.
  queue.pause();
  const ends = cancelled.map(end);
  resumeAll();
  await Promise.allSettled(ends);
}

/** Take rows that need nothing any more from the panel: stored files, or refused ones. */
export function clear(group: "done" | "refused"): void {
  forget(items.filter((item) => (group === "done" ? item.group === "done" : item.stage === "refused")));
  queue.clear();
}

function forget(forgotten: readonly Item[]): void {
  const gone = new Set(forgotten);
  items = items.filter((item) => !gone.has(item));
  backlog = backlog.filter((item) => !gone.has(item));
  for (const item of gone) dirty.delete(item);
  isMoved = true;
  changed();
}

async function end({ bucket, pending, task }: Item): Promise<void> {
  const key = task?.key ?? pending?.key;
  if (task) {
    unqueue(task);
    await task.cancel();
  } else await pending?.discard();
  if (!key) return;
  holds.release(key);
  await notes.remove(key);
  refreshUsage(bucket);
}
