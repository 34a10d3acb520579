/** Toasts and the live region live in the topmost dialog: everything outside a modal dialog is inert and unheard. */

export const messages = document.createElement("div");
messages.className = "messages";
const layers: HTMLElement[] = [];

/** Take the messages into a dialog that opens. */
export function enterLayer(dialog: HTMLElement): void {
  layers.push(dialog);
  dialog.append(messages);
}

/** Give the messages back to the dialog below, or to the page. */
export function leaveLayer(dialog: HTMLElement): void {
  const index = layers.indexOf(dialog);
  if (index >= 0) layers.splice(index, 1);
  (layers.at(-1) ?? document.body).append(messages);
}
