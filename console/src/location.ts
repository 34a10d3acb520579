import { batch, signal } from "@preact/signals";
import { page } from "./page.ts";

/** Views of the console besides the files of a bucket. */
export type View = "files" | "buckets" | "attention" | "housekeeping";

/** The bucket that is open; empty if none is. */
export const bucket = signal("");
/** The folder that is open: empty for the top, else with a slash at its end, such as `photos/2026/`. */
export const folder = signal("");
export const view = signal<View>("files");

const VIEWS: readonly string[] = ["buckets", "attention", "housekeeping"];

/** Where a link of the console leads. */
export interface Place {
  view?: View;
  bucket?: string;
  folder?: string;
}

/** Return the address of a place. */
export function addressOf({ view: target = "files", bucket: inBucket, folder: inFolder }: Place): string {
  const query = new URLSearchParams();
  if (target !== "files") query.set("view", target);
  if (inBucket) query.set("bucket", inBucket);
  if (inFolder) query.set("folder", inFolder);
  const text = query.toString();
  return text ? `${page.urls.console}?${text}` : page.urls.console;
}

/** Go to a place. Pages of a bucket that the Content-Security-Policy of this page does not name are loaded anew. */
export function go(place: Place, { replace = false } = {}): void {
  const address = addressOf(place);
  if (place.bucket && !page.reachable.includes(place.bucket)) location.assign(address);
  else {
    if (replace) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
    read();
  }
}

/** Read the address bar into the signals. */
function read(): void {
  const query = new URLSearchParams(location.search);
  batch(() => {
    bucket.value = query.get("bucket") ?? "";
    folder.value = query.get("folder") ?? "";
    const named = query.get("view") ?? "";
    view.value = VIEWS.includes(named) ? (named as View) : "files";
  });
}

addEventListener("popstate", read);
read();
