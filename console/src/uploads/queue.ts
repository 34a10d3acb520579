import { UploadQueue, type UploaderError } from "s3-file-uploader-client";
import { client } from "../session.ts";
import { all, changed, hide, isHeld, leaveOut, moved, show } from "./board.ts";
import type { Item } from "./item.ts";
import { notes } from "./notes.ts";
import { holds } from "./tabs.ts";
import { refreshUsage } from "./usage.ts";

const FINISHED = ["stored", "scanning", "refused", "rejected", "unreplaced"];
/** Files that the client prepares ahead. Each has a line in `localStorage`, which holds about five million characters. */
const MOST_AHEAD = 3000;
/** Files that are handed to the client at once, so that the page answers meanwhile. */
const SLICE = 100;

type Task = NonNullable<Item["task"]>;
type StoredListener = (item: Item) => unknown;

const storedListeners: StoredListener[] = [];
let backlog: Item[] = [];
const queue = new UploadQueue();
let feeding: ReturnType<typeof setTimeout> | undefined;

/** Return the files of the queue that are neither stored nor given up. */
export function unfinished(): Item[] {
  return all().filter(({ stage }) => !FINISHED.includes(stage));
}

/** Call `listener` with each file of which the service has all bytes. */
export function onStored(listener: StoredListener): void {
  storedListeners.push(listener);
}

/** Add files at the end: those to be sent, refused ones and interrupted ones. */
export function add(added: readonly Item[]): void {
  if (!all().some(({ group }) => group === "active")) beginAnew();
  show(added);
  backlog = backlog.concat(added.filter(({ file, stage }) => file && stage === "queued"));
  feed();
}

/** Leave the files of an earlier drop out of the totals, and a pause of which nothing is left. */
function beginAnew(): void {
  leaveOut();
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
      moved(item);
    } else changed(item);
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
  if (isLasting(task.error)) {
    // The service has refused the upload for good, and would refuse its key again.
    holds.release(task.key);
    void notes.remove(task.key);
    follow(item, prepare(item), false);
  } else task.enqueue();
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
  for (const item of all()) if (item.stage === "failed") resume(item);
}

/** Take a file from the queue: cancel its upload, or forget an unfinished one, and free its parts in S3. */
export async function remove(item: Item): Promise<void> {
  forget([item]);
  // If S3 cannot be told, the parts that have arrived expire there.
  await end(item).catch(() => undefined);
}

/** Cancel everything that is not stored. */
export async function removeAll(): Promise<void> {
  const cancelled = all().filter(({ group, stage }) => group === "active" && stage !== "scanning");
  forget(cancelled);
  // Without the pause, each cancelled upload would make room for the next one.
  queue.pause();
  const ends = cancelled.map(end);
  resumeAll();
  await Promise.allSettled(ends);
}

/** Take rows that need nothing any more from the panel: stored files, or refused ones. */
export function clear(group: "done" | "refused"): void {
  forget(all().filter((item) => (group === "done" ? item.group === "done" : item.stage === "refused")));
  queue.clear();
}

function forget(forgotten: readonly Item[]): void {
  hide(forgotten);
  const gone = new Set(forgotten);
  backlog = backlog.filter((item) => !gone.has(item));
}

async function end({ bucket, pending, task }: Item): Promise<void> {
  const key = task?.key ?? pending?.key;
  try {
    if (task) {
      unqueue(task);
      await task.cancel();
    } else await pending?.discard();
  } finally {
    if (key) {
      holds.release(key);
      await notes.remove(key);
      refreshUsage(bucket);
    }
  }
}
