import { signal } from "@preact/signals";
import { announce } from "../live.tsx";
import { bucket, folder, view } from "../location.ts";
import { _, ngettext } from "../text.ts";
import { showToast } from "../toasts.tsx";
import { groups } from "./board.ts";
import { Conflicts, findExisting, type Earlier, type Existing } from "./conflicts.ts";
import { goOnWith } from "./interrupted.ts";
import { Item, type Stage } from "./item.ts";
import { refuse, Room } from "./limits.ts";
import { composed, keepBoth } from "./names.ts";
import type { Picked, Selection } from "./picked.ts";
import { add, remove, unfinished } from "./queue.ts";
import { load } from "./usage.ts";

/** Where files go. */
export interface Target {
  bucket: string;
  folder: string;
}

/** Files that have been found so far, while folders are read or compared; undefined otherwise. */
export const reading = signal<number | undefined>(undefined);

const SHOWN_NAMES = 3;
/** Rows that say more than that an attempt failed. */
const KEPT: readonly Stage[] = ["interrupted", "rejected", "unreplaced"];
let last: Promise<void> = Promise.resolve();

/** Return where files go that are dropped now; undefined if no bucket is open. */
export function currentTarget(): Target | undefined {
  return bucket.value && view.value === "files" ? { bucket: bucket.value, folder: folder.value } : undefined;
}

/** Take files into the queue, one drop after the other: a drop may have questions. */
export function take(selection: Promise<Selection> | Selection, target = currentTarget()): Promise<void> {
  last = last.then(async () => {
    try {
      const found = await selection;
      reading.value = found.picked.length;
      tellOthers(found);
      if (target) await takeIn(found.picked, target);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      showToast({ text: _("The files were not added: %(reason)s", { reason }), tone: "error" });
    } finally {
      reading.value = undefined;
    }
  });
  return last;
}

async function takeIn(picked: readonly Picked[], target: Target): Promise<void> {
  const rest = goOnWith(picked, target.folder);
  const files = rest.map((each) => new Candidate(each, target));
  if (!files.length) return;
  const limits = await load(target.bucket);
  const refused = files.flatMap((file) => {
    const refusal = limits && refuse(file, limits);
    return refusal ? [file.refused(refusal)] : [];
  });
  const allowed = files.filter(({ item }) => !item);
  const chosen = await resolve(allowed, target, limits?.may_overwrite ?? true);
  const room = limits && new Room(limits, waiting(target.bucket));
  const items = chosen.map((file) => {
    const refusal = room?.take(file.size);
    return refusal ? file.refused(refusal) : file.accepted();
  });
  add([...refused, ...items]);
  const accepted = items.filter(({ refusal }) => !refusal).length;
  sayAdded(accepted, refused.length + items.length - accepted);
}

function sayAdded(accepted: number, refused: number): void {
  const sentences: string[] = [];
  if (accepted) sentences.push(ngettext("%(count)s file added.", "%(count)s files added.", accepted));
  if (refused) sentences.push(ngettext("%(count)s file is refused.", "%(count)s files are refused.", refused));
  if (sentences.length) announce(sentences.join(" "));
}

/** A file on its way into the queue. */
class Candidate {
  readonly size: number;
  readonly type: string;
  readonly modifiedAt: number;
  path: string;
  item: Item | undefined;
  replaces: Item["replaces"] = [];
  private readonly picked: Picked;
  private readonly bucket: string;

  constructor(picked: Picked, { bucket: inBucket, folder: inFolder }: Target) {
    const { file, path } = picked;
    this.picked = picked;
    this.bucket = inBucket;
    this.path = composed(inFolder + path);
    this.size = file.size;
    this.type = file.type;
    this.modifiedAt = file.lastModified;
  }

  accepted(): Item {
    const { bucket: inBucket, path, picked, replaces, size } = this;
    const item = new Item({ bucket: inBucket, path, size });
    item.file = picked.file;
    item.source = picked.source;
    item.replaces = replaces;
    this.item = item;
    return item;
  }

  refused(refusal: NonNullable<Item["refusal"]>): Item {
    const { bucket: inBucket, path, size } = this;
    const item = new Item({ bucket: inBucket, path, size });
    item.refusal = refusal;
    this.item = item;
    return item;
  }
}

/** Ask about the files whose paths are taken, and return those to send. */
async function resolve(files: readonly Candidate[], target: Target, mayReplace: boolean): Promise<Candidate[]> {
  await forgetFailed(files, target);
  const queued = new Map(unfinished().flatMap((item) => (item.bucket === target.bucket ? [[item.path, item]] : [])));
  const fresh = files.filter((file) => !isSame(file, queued.get(file.path)));
  if (fresh.length < files.length) announce(_("These files are on their way already."));
  const stored = await findExisting(
    target.bucket,
    target.folder,
    fresh.map(({ path }) => path),
  );
  const paths = new Paths(stored, queued, fresh);
  const conflicts = new Conflicts(fresh.filter(({ path }) => stored.has(path) || queued.has(path)).length, mayReplace);
  const chosen: Candidate[] = [];
  for (const file of fresh) {
    const earlier = paths.earlier(file.path);
    const choice = earlier && (await conflicts.decide(file, earlier));
    if (choice === "replace") await paths.replace(file);
    else if (choice === "keep" || paths.isChosen(file.path)) paths.rename(file);
    if (choice !== "skip") chosen.push(paths.choose(file));
  }
  return chosen;
}

/** Take the rows of files away that failed or were refused, and come anew. */
async function forgetFailed(files: readonly Candidate[], target: Target): Promise<void> {
  const coming = new Map(files.map((file) => [file.path, file]));
  for (const item of groups.attention.value) {
    const file = coming.get(item.path);
    if (!file || item.bucket !== target.bucket || KEPT.includes(item.stage)) continue;
    file.replaces = item.replaces;
    await remove(item);
  }
}

/** Paths that are taken: by stored files, by files on their way, and by those of this drop. */
class Paths {
  private readonly chosen = new Set<string>();
  private readonly taken: Set<string>;
  private readonly stored: Existing;
  private readonly queued: ReadonlyMap<string, Item>;

  constructor(stored: Existing, queued: ReadonlyMap<string, Item>, files: readonly Candidate[]) {
    this.stored = stored;
    this.queued = queued;
    this.taken = new Set([...stored.keys(), ...queued.keys(), ...files.map(({ path }) => path)]);
  }

  /** Return the file that has a path, stored or on its way. */
  earlier(path: string): Earlier | undefined {
    const record = this.stored.get(path)?.at(-1);
    if (record) return { size: record.size, storedAt: record.completed_at ?? record.created_at };
    return this.queued.get(path);
  }

  /** Have a file take the place of those with its path: of stored ones later, of one on its way at once. */
  async replace(file: Candidate): Promise<void> {
    const queued = this.queued.get(file.path);
    const stored = (this.stored.get(file.path) ?? []).map((record) => ({ key: record.file_name }));
    file.replaces = [...(queued?.replaces ?? []), ...stored];
    if (queued) await remove(queued);
  }

  /** Give a file a path that is free. */
  rename(file: Candidate): void {
    file.path = keepBoth(file.path, (path) => this.taken.has(path));
    this.taken.add(file.path);
  }

  choose(file: Candidate): Candidate {
    this.chosen.add(file.path);
    return file;
  }

  /** Return true if a file of this drop has the path: a search in the file manager can show two of one name. */
  isChosen(path: string): boolean {
    return this.chosen.has(path);
  }
}

function isSame(file: Candidate, item: Item | undefined): boolean {
  return item?.file !== undefined && item.size === file.size && item.file.lastModified === file.modifiedAt;
}

/** Bytes and files of the queue that the service does not count yet. */
function waiting(inBucket: string): { bytes: number; files: number } {
  const waits = unfinished().filter((item) => item.bucket === inBucket && item.stage === "queued");
  return { bytes: waits.reduce((sum, { size }) => sum + size, 0), files: waits.length };
}

/** Tell what of a drop is no file: empty folders, which S3 does not keep, and what the browser could not read. */
function tellOthers({ emptyFolders, unreadable }: Selection): void {
  if (unreadable.length) {
    const text = ngettext(
      "%(names)s could not be read: it was moved, or you may not open it.",
      "%(count)s files or folders could not be read: %(names)s.",
      unreadable.length,
      { names: some(unreadable) },
    );
    showToast({ text, tone: "error" });
  }
  if (emptyFolders.length) {
    const text = ngettext(
      "The folder %(names)s is empty. Only folders with files are uploaded.",
      "%(count)s folders are empty: %(names)s. Only folders with files are uploaded.",
      emptyFolders.length,
      { names: some(emptyFolders) },
    );
    showToast({ text, seconds: 12 });
  }
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN_NAMES).join(", ");
  return names.length > SHOWN_NAMES ? `${shown}, …` : shown;
}
