import { batch, signal } from "@preact/signals";
import { page } from "./page.ts";

/** Views of the console besides the files of a bucket. */
export type View = "files" | "buckets" | "attention" | "housekeeping";

/** The bucket that is open; empty if none is. */
export const bucket = signal("");
/** The folder that is open: empty for the top, else with a slash at its end, such as `photos/2026/`. */
export const folder = signal("");
export const view = signal<View>("files");
/** Id of the file in the viewer; empty if none is open. */
export const openedFile = signal("");

const VIEWS: readonly string[] = ["buckets", "attention", "housekeeping"];

/** Where a link of the console leads. */
export interface Place {
  view?: View;
  bucket?: string;
  folder?: string;
  file?: string;
}

/** Return the address of a place. */
export function addressOf({ view: target = "files", bucket: inBucket, folder: inFolder, file }: Place): string {
  const query = new URLSearchParams();
  if (target !== "files") query.set("view", target);
  if (inBucket) query.set("bucket", inBucket);
  if (inFolder) query.set("folder", inFolder);
  if (file) query.set("file", file);
  const text = query.toString();
  return text ? `${page.urls.console}?${text}` : page.urls.console;
}

/** Go to a place. A bucket that the Content-Security-Policy of this page does not name is loaded as a new page. */
export function go(place: Place, { replace = false } = {}): void {
  const address = addressOf(place);
  if (place.bucket && page.reachable && !page.reachable.includes(place.bucket) && place.bucket !== bucket.value) {
    location.assign(address);
    return;
  }
  if (replace) history.replaceState(history.state, "", address);
  else history.pushState({ isOurs: true }, "", address);
  read();
}

/** Open a file in the viewer, or another one if one is open; the browser's Back closes it. */
export function openFile(file: string): void {
  const replace = openedFile.value !== "";
  go({ view: view.value, bucket: bucket.value, folder: folder.value, file }, { replace });
}

/** Close the viewer. */
export function closeFile(): void {
  const isOurs = (history.state as { isOurs?: boolean } | null)?.isOurs;
  if (isOurs) history.back();
  else go({ view: view.value, bucket: bucket.value, folder: folder.value }, { replace: true });
}

/** Return a click handler for a link: it goes there without loading the page, unless the user wants a new tab. */
export function follow(place: Place): (event: MouseEvent) => void {
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(place);
  };
}

/** Read the address bar into the signals. */
function read(): void {
  const query = new URLSearchParams(location.search);
  batch(() => {
    bucket.value = query.get("bucket") ?? "";
    folder.value = query.get("folder") ?? "";
    openedFile.value = query.get("file") ?? "";
    const named = query.get("view") ?? "";
    view.value = VIEWS.includes(named) ? (named as View) : "files";
  });
}

addEventListener("popstate", read);
read();
