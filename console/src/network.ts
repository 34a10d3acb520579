import { signal } from "@preact/signals";
import { announce } from "./live.tsx";
import { failure, refresh } from "./listing.ts";
import { _ } from "./text.ts";

/** False while the device has no network. */
export const isOnline = signal(navigator.onLine);

addEventListener("offline", () => {
  isOnline.value = false;
  announce(_("You are offline."));
});
addEventListener("online", () => {
  isOnline.value = true;
  announce(_("You are online again."));
  if (failure.value) refresh();
});
