import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { useModal } from "../dialogs/modal.ts";
import { Icon, type IconName } from "../icons.tsx";
import { fileRows } from "../listing.ts";
import { closeFile, openedFile, openFile } from "../location.ts";
import { client } from "../session.ts";
import { _ } from "../text.ts";
import { showError } from "../toasts.tsx";
import { askToDelete } from "./ask.ts";
import { Details } from "./details.tsx";
import { download } from "./download.ts";
import { Preview } from "./preview.tsx";
import { openShare } from "./shared.ts";
import type { FileRecord } from "./source.ts";

const hasDetails = signal(matchMedia("(min-width: 60rem)").matches);

/** The open file, with its details, and the way to the next one. */
export function Viewer() {
  const id = openedFile.value;
  return id ? <Opened id={id} /> : null;
}

function Opened({ id }: { id: string }) {
  const files = fileRows.value;
  const index = files.findIndex((file) => file.id === id);
  const [fetched, setFetched] = useState<FileRecord | undefined>(undefined);
  const record = files[index] ?? (fetched?.id === id ? fetched : undefined);
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    // A link to a file may be opened before its folder is loaded, or lead to another one.
    if (record) return;
    client.record(id).then(setFetched, (error: unknown) => {
      showError(error);
      closeFile();
    });
  }, [id]);
  useModal(ref, () => document.querySelector<HTMLElement>(`[data-key="${CSS.escape(openedKey)}"] .row-open`));
  openedKey = id;
  const step = (by: number) => {
    const next = files[index + by];
    if (next && index >= 0) openFile(next.id);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const target = event.target as HTMLElement;
    if (event.altKey || event.ctrlKey || event.metaKey || target.matches("video, audio, input, select, pre")) return;
    const isRtl = document.documentElement.dir === "rtl";
    if (event.key === "ArrowRight") step(isRtl ? -1 : 1);
    else if (event.key === "ArrowLeft") step(isRtl ? 1 : -1);
    else if (event.key === "Delete" && record) remove(record, step);
    else return;
    event.preventDefault();
  };
  const name = record?.path.split("/").at(-1) ?? "";
  return (
    <dialog
      ref={ref}
      class={hasDetails.value ? "viewer has-details" : "viewer"}
      aria-label={name || _("File")}
      onKeyDown={onKeyDown}
      onCancel={(event) => {
        event.preventDefault();
        closeFile();
      }}
    >
      <div class="viewer-head">
        <Tool icon="close" label={_("Close")} onClick={closeFile} />
        <h2 dir="auto">{name}</h2>
        {record?.status === "stored" && (
          <>
            <Tool icon="download" label={_("Download")} onClick={() => void download([record])} />
            <Tool icon="link" label={_("Share by link")} onClick={() => openShare(record)} />
          </>
        )}
        <Tool
          icon="info"
          label={_("Details")}
          isPressed={hasDetails.value}
          onClick={() => (hasDetails.value = !hasDetails.value)}
        />
        {record && <Tool icon="trash" label={_("Delete")} onClick={() => remove(record, step)} />}
      </div>
      <div class="viewer-stage">
        {record && <Preview record={record} key={record.id} />}
        {index > 0 && <Step label={_("Previous file")} name="previous" onClick={() => step(-1)} />}
        {index >= 0 && index < files.length - 1 && <Step label={_("Next file")} name="next" onClick={() => step(1)} />}
      </div>
      {hasDetails.value && record && <Details record={record} />}
    </dialog>
  );
}

let openedKey = "";

/** Delete the file that is shown, and go on to the next one. */
function remove(record: FileRecord, step: (by: number) => void): void {
  const files = fileRows.value;
  const index = files.findIndex(({ id }) => id === record.id);
  if (index >= 0 && files.length > 1) step(index < files.length - 1 ? 1 : -1);
  else closeFile();
  void askToDelete([{ kind: "file", key: record.id, name: record.path, record }]);
}

interface ToolProperties {
  icon: IconName;
  label: string;
  onClick: () => void;
  isPressed?: boolean;
}

function Tool({ icon, label, onClick, isPressed }: ToolProperties) {
  return (
    <button
      type="button"
      class="button-icon"
      aria-label={label}
      title={label}
      aria-pressed={isPressed}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}

function Step({ label, name, onClick }: { label: string; name: string; onClick: () => void }) {
  return (
    <button type="button" class={`step step-${name}`} aria-label={label} title={label} onClick={onClick}>
      <Icon name="chevron" size={28} />
    </button>
  );
}
