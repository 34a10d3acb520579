import { signal } from "@preact/signals";
import { announce } from "./live.tsx";
import { _ } from "./text.ts";

/** A short message at the edge of the page. */
export interface Toast {
  text: string;
  tone?: "plain" | "error";
  /** A button, such as Undo. */
  action?: { label: string; run: () => void };
  /** Seconds until it goes by itself; errors stay until they are dismissed. Default: 6. */
  seconds?: number;
  /** Called once, when the toast goes without its action. */
  onEnd?: () => void;
}

interface Shown extends Toast {
  id: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

const DEFAULT_SECONDS = 6;
const toasts = signal<readonly Shown[]>([]);
let last = 0;

/** Show a toast, and have screen readers say it. Returns a function that removes it, and then calls its `onEnd`. */
export function showToast(toast: Toast): () => void {
  const id = (last += 1);
  const close = () => end(id, true);
  const seconds = toast.seconds ?? (toast.tone === "error" ? undefined : DEFAULT_SECONDS);
  const timer = seconds === undefined ? undefined : setTimeout(close, seconds * 1000);
  toasts.value = [...toasts.value, { ...toast, id, timer }];
  announce(toast.text);
  return close;
}

/** Return what an error says to people. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Show an error as a toast. `subject`: the file that it is about. */
export function showError(error: unknown, subject = ""): void {
  showToast({ text: subject ? `${subject}: ${reasonOf(error)}` : reasonOf(error), tone: "error" });
}

function end(id: number, isOver: boolean): void {
  const toast = toasts.value.find((each) => each.id === id);
  if (!toast) return;
  clearTimeout(toast.timer);
  toasts.value = toasts.value.filter((each) => each.id !== id);
  if (isOver) toast.onEnd?.();
}

/** The toasts, newest last. */
export function Toasts() {
  if (!toasts.value.length) return null;
  return (
    <section aria-label={_("Messages")}>
      <ol class="toasts">
        {toasts.value.map(({ id, text, tone = "plain", action }) => (
          <li key={id} class={`toast toast-${tone}`}>
            <p>{text}</p>
            {action && (
              <button
                type="button"
                class="button-link"
                onClick={() => {
                  end(id, false);
                  action.run();
                }}
              >
                {action.label}
              </button>
            )}
            <button type="button" class="button-icon" aria-label={_("Dismiss")} onClick={() => end(id, true)}>
              ×
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
