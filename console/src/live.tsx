import { signal } from "@preact/signals";

const INTERVAL_MILLISECONDS = 1500;

const spoken = signal("");
let next: string | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Have screen readers say a text. Texts that come too fast replace each other: only the newest one is spoken. */
export function announce(text: string): void {
  next = text;
  timer ??= setTimeout(speak, spoken.value ? INTERVAL_MILLISECONDS : 100);
}

function speak(): void {
  timer = undefined;
  // The same text twice would not be a change: an invisible space makes it one.
  spoken.value = next === spoken.value ? `${next}\u00a0` : (next ?? "");
  next = undefined;
}

/** The one live region of the page. */
export function LiveRegion() {
  return (
    <div class="visually-hidden" role="status" aria-live="polite" id="live">
      {spoken}
    </div>
  );
}
