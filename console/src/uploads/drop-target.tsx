import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Icon } from "../icons.tsx";
import { _ } from "../text.ts";
import { currentTarget, reading, take, type Target } from "./intake.ts";
import { readDrop, readPaste } from "./picked.ts";
import { describeRules, describeSpace } from "./usage-bar.tsx";
import { usage } from "./usage.ts";
import { facts } from "./words.ts";

/** Takes files that are dropped anywhere on the page, or pasted. Visible while files are dragged over the page. */
export function DropTarget() {
  const isOver = useSignal(false);
  useEffect(() => {
    const listening = new AbortController();
    const listen = (name: "dragenter" | "dragover" | "dragleave" | "drop", act: (event: DragEvent) => void) =>
      addEventListener(name, (event) => hasFiles(event) && act(event), { signal: listening.signal });
    listen("dragenter", (event) => {
      event.preventDefault();
      isOver.value = true;
    });
    listen("dragover", (event) => {
      // Without this, the browser opens the file in place of the page, also where no bucket is open.
      event.preventDefault();
      if (event.dataTransfer) event.dataTransfer.dropEffect = currentTarget() && !isBlocked() ? "copy" : "none";
    });
    listen("dragleave", (event) => {
      if (!event.relatedTarget) isOver.value = false;
    });
    listen("drop", (event) => {
      event.preventDefault();
      isOver.value = false;
      if (!event.dataTransfer || !currentTarget() || isBlocked()) return;
      void take(readDrop(event.dataTransfer, (files) => (reading.value = files)));
    });
    addEventListener("paste", paste, { signal: listening.signal });
    return () => listening.abort();
  }, []);
  return isOver.value ? <Overlay target={currentTarget()} /> : null;
}

function Overlay({ target }: { target: Target | undefined }) {
  return (
    <div class="drop-target">
      <div class="drop-target-frame">
        <Icon name={target ? "upload" : "bucket"} size={48} />
        <p class="drop-target-title">
          {target
            ? _("Drop files and folders to upload them to %(place)s", { place: placeOf(target) })
            : _("Open a bucket, then drop the files there")}
        </p>
        {target && usage.value && <p>{facts(describeSpace(usage.value), describeRules())}</p>}
      </div>
    </div>
  );
}

/** Return the name of a folder, or of the bucket. */
function placeOf({ bucket, folder }: Target): string {
  return folder.split("/").at(-2) ?? bucket;
}

function hasFiles({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes("Files") ?? false;
}

/** A dialog has a question first. */
function isBlocked(): boolean {
  return document.querySelector("dialog[open]") !== null;
}

function paste(event: ClipboardEvent): void {
  const files = event.clipboardData?.files;
  const { target } = event;
  const isText = target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea"));
  if (!files?.length || isText || isBlocked() || !currentTarget()) return;
  event.preventDefault();
  void take(readPaste(files, new Date()));
}
