import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";
import { Icon } from "../icons.tsx";
import { _ } from "../text.ts";
import { useModal } from "./modal.ts";

interface Properties {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  class?: string;
  /** False if the dialog cannot be closed without an answer. */
  mayClose?: boolean;
}

/** A modal dialog. The browser keeps the focus inside, and gives it back when the dialog closes. */
export function Dialog({ title, onClose, children, class: name = "", mayClose = true }: Properties) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useModal(ref);
  return (
    <dialog
      ref={ref}
      class={`dialog ${name}`}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        if (mayClose) onClose();
      }}
      onClick={(event) => {
        if (mayClose && event.target === ref.current) onClose();
      }}
    >
      <div class="dialog-body">
        <div class="dialog-head">
          <h2 id={id}>{title}</h2>
          {mayClose && (
            <button type="button" class="button-icon" aria-label={_("Close")} onClick={onClose}>
              <Icon name="close" />
            </button>
          )}
        </div>
        {children}
      </div>
    </dialog>
  );
}
