import { client } from "../session.ts";
import { _ } from "../text.ts";
import { moved } from "./board.ts";
import { Item } from "./item.ts";
import { composed, findSame } from "./names.ts";
import { notes } from "./notes.ts";
import { reopen, type Picked } from "./picked.ts";
import { add, remove, resume, unfinished } from "./queue.ts";
import { finishReplacing } from "./stored.ts";
import { holds } from "./tabs.ts";

const JOURNAL = "s3-file-uploader";
const WAIT_MILLISECONDS = 1500;
let timer: ReturnType<typeof setTimeout> | undefined;
let awaited = false;

/** Show the uploads that a reload or a crash has cut off, unless another tab sends them. */
export async function showInterrupted(): Promise<void> {
  const pending = (await client.pending()).filter(({ handedOver }) => !handedOver);
  const elsewhere = await holds.elsewhere();
  const noted = await notes.all();
  const shown = new Map(interrupted().map((item) => [item.pending?.key, item]));
  const keys = new Set(pending.map(({ key }) => key));
  // Another tab has resumed or discarded these.
  for (const [key = "", item] of shown) if (!keys.has(key) || elsewhere.has(key)) await hide(item);
  const known = new Set(unfinished().map(({ task }) => task?.key));
  const added = pending
    .filter(({ key }) => !shown.has(key) && !elsewhere.has(key) && !known.has(key) && !holds.has(key))
    .map((each) => {
      const item = new Item({ bucket: each.bucket, path: each.fileName, size: each.size });
      item.pending = each;
      item.source = noted.get(each.key)?.source;
      item.replaces = noted.get(each.key)?.replaces ?? [];
      item.enter("interrupted");
      return item;
    });
  if (added.length) add(added);
  const watched = pending.find(({ key }) => elsewhere.has(key));
  if (watched) void lookOnceFree(watched.key);
}

/** Look again once another tab has ended an upload, or was closed in the middle of it. */
async function lookOnceFree(key: string): Promise<void> {
  if (awaited) return;
  awaited = true;
  await holds.untilFree(key);
  awaited = false;
  await showInterrupted();
}

/** Look again soon; other tabs may write many lines one after the other. */
function lookSoon(): void {
  timer ??= setTimeout(() => {
    timer = undefined;
    void showInterrupted();
  }, WAIT_MILLISECONDS);
}

/** Take a row away, and leave its upload to the tab that has it. */
async function hide(item: Item): Promise<void> {
  item.pending = undefined;
  await remove(item);
}

/** Return the uploads that need their files again. */
export function interrupted(): Item[] {
  return unfinished().filter(({ stage }) => stage === "interrupted");
}

/** Go on with every upload whose file is among these, and return the other files. */
export function goOnWith(picked: readonly Picked[], folder: string): Picked[] {
  const left = interrupted().flatMap((item) => (item.pending ? [{ ...item.pending, item }] : []));
  if (!left.length) return [...picked];
  return picked.filter((each) => {
    const { lastModified: modifiedAt, size } = each.file;
    const same = findSame(left, { path: composed(folder + each.path), relativePath: each.path, size, modifiedAt });
    if (!same) return true;
    left.splice(left.indexOf(same), 1);
    void goOn(same.item, each.file);
    return false;
  });
}

/** Go on with one upload, and with the file that the user chose for it. Another file is no harm: the row says so. */
export async function goOn(item: Item, file: File): Promise<void> {
  const { key = "", modifiedAt = file.lastModified } = item.pending ?? {};
  if (file.size !== item.size || modifiedAt !== file.lastModified) {
    item.enter("interrupted", new Error(_("This is not the file whose upload began, or it was changed since.")));
    moved(item);
    return;
  }
  if (!(await holds.hold(key))) {
    await hide(item); // Another tab was faster.
    return;
  }
  item.file = file;
  resume(item, file);
}

/** Go on with the uploads whose files the browser can open again, after its question. Call it in the handler of a click. */
export async function reopenAll(items: readonly Item[]): Promise<void> {
  for (const item of items) {
    if (!item.source) continue;
    try {
      await goOn(item, await reopen(item.source));
    } catch (error) {
      // The file was moved or changed, or the user refused: it has to be chosen.
      item.source = undefined;
      item.enter("interrupted", error as Error);
      moved(item);
    }
  }
}

/** Begin: show what an earlier visit has left, and look again when another tab begins, ends or leaves uploads. */
export async function beginInterrupted(): Promise<void> {
  await showInterrupted();
  await finishReplacing(new Set(interrupted().map(({ pending }) => pending?.key ?? "")));
  addEventListener("storage", ({ key }) => key?.startsWith(JOURNAL) && lookSoon());
}
