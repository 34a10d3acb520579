import { effect, signal } from "@preact/signals";
import type { Usage } from "s3-file-uploader-client";
import { bucket } from "../location.ts";
import { client } from "../session.ts";
import { onOtherTab } from "./tabs.ts";

const WAIT_MILLISECONDS = 700;

/** Usage and limits of the open bucket; undefined until they are known. */
export const usage = signal<Usage | undefined>(undefined);

let timer: ReturnType<typeof setTimeout> | undefined;

/** Ask for the usage of a bucket soon, if it is the open one. Several calls at once ask once. */
export function refreshUsage(inBucket: string): void {
  if (inBucket !== bucket.value) return;
  timer ??= setTimeout(() => {
    timer = undefined;
    void load(inBucket);
  }, WAIT_MILLISECONDS);
}

/** Return the usage of a bucket now; undefined if the service does not say. */
export async function load(inBucket: string): Promise<Usage | undefined> {
  // The limits are a help: the service checks each file all the same.
  const answer = await client.usage(inBucket).catch(() => undefined);
  if (answer && inBucket === bucket.peek()) usage.value = answer;
  return answer;
}

effect(() => {
  const open = bucket.value;
  usage.value = undefined;
  if (open) void load(open);
});

onOtherTab(refreshUsage);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") refreshUsage(bucket.value);
});
