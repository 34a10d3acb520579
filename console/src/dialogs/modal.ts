import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";
import { enterLayer, leaveLayer } from "../layers.ts";

/**
 * Show a `<dialog>` as modal while its component is there, and give the focus back when it goes.
 *
 * `findNext` returns the element that gets the focus; by default the one that had it before.
 */
export function useModal(ref: RefObject<HTMLDialogElement | null>, findNext?: () => HTMLElement | null): void {
  useEffect(() => {
    const dialog = ref.current;
    if (!dialog) return;
    const before = document.activeElement as HTMLElement | null;
    dialog.showModal();
    enterLayer(dialog);
    return () => {
      leaveLayer(dialog);
      dialog.close(); // While it is modal, nothing else can get the focus.
      (findNext?.() ?? (before?.isConnected ? before : undefined))?.focus();
    };
  }, []);
}
