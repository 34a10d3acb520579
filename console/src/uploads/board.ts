import { batch, computed, signal } from "@preact/signals";
import type { Group, Item } from "./item.ts";
import { RateMeter, secondsLeft } from "./rate.ts";

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
const INTERVAL_MILLISECONDS = 200;

/** Files of the queue, by what they need. An array is replaced when a file joins or leaves it. */
export const groups: Record<Group, { value: readonly Item[] }> = {
  attention: signal<readonly Item[]>([]),
  active: signal<readonly Item[]>([]),
  done: signal<readonly Item[]>([]),
};
export const totals = signal(NOTHING);
/** True while the user has paused everything. */
export const isHeld = signal(false);
/** True while the panel has nothing to show. */
export const isEmpty = computed(
  () => !groups.attention.value.length && !groups.active.value.length && !groups.done.value.length,
);

let items: readonly Item[] = [];
const dirty = new Set<Item>();
const meter = new RateMeter();
let sentInAll = 0;
let isMoved = false;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Return all files that the panel shows. */
export function all(): readonly Item[] {
  return items;
}

/** Show files at the end. */
export function show(added: readonly Item[]): void {
  items = items.concat(added);
  isMoved = true;
  changed(...added);
}

/** Take files from the panel. */
export function hide(gone: readonly Item[]): void {
  const hidden = new Set(gone);
  items = items.filter((item) => !hidden.has(item));
  for (const item of gone) dirty.delete(item);
  isMoved = true;
  changed();
}

/** Leave the stored files out of the totals from now on. */
export function leaveOut(): void {
  for (const item of items) item.isOld ||= item.group === "done";
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
