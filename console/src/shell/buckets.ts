import { signal } from "@preact/signals";
import type { Bucket } from "s3-file-uploader-client";
import { bucket, go, view } from "../location.ts";
import { client } from "../session.ts";

/** The buckets that are open to the user; undefined until they are loaded. */
export const buckets = signal<readonly Bucket[] | undefined>(undefined);
export const bucketsFailure = signal<unknown>(undefined);

const LAST = "s3-file-uploader.bucket";

/** Load the buckets, and open the one that was open last if the address names none. */
export async function loadBuckets(): Promise<void> {
  bucketsFailure.value = undefined;
  try {
    buckets.value = await client.buckets();
  } catch (error) {
    bucketsFailure.value = error;
    return;
  }
  if (bucket.value || view.value !== "files") return;
  const last = localStorage.getItem(LAST);
  const opened = buckets.value.find(({ name }) => name === last) ?? buckets.value[0];
  if (opened) go({ bucket: opened.name }, { replace: true });
}

bucket.subscribe((name) => {
  if (name) localStorage.setItem(LAST, name);
});
