import { useEffect, useState } from "preact/hooks";
import { Icon } from "../icons.tsx";
import { folder } from "../location.ts";
import { rowStatuses, type Row } from "../listing.ts";
import { _, formatNumber } from "../text.ts";
import { iconOf, kindOf, previewOf } from "./kinds.ts";
import type { FileRecord } from "./source.ts";
import { showUrl } from "./urls.ts";

/** Larger images would cost more than their thumbnail is worth. */
const THUMBNAIL_MAX_BYTES = 1_500_000;

/** The picture of a row: the image itself if it is small, else an icon. */
export function Thumbnail({ row, size }: { row: Row; size: number }) {
  if (row.kind === "folder") {
    return (
      <span class="thumbnail kind-folder">
        <Icon name="folder" size={size} />
      </span>
    );
  }
  const { record } = row;
  const kind = kindOf(record.content_type);
  const isShown = record.status === "stored" && previewOf(record) === "image" && isSmall(record);
  return (
    <span class={`thumbnail kind-${kind}`}>
      {isShown ? <Picture record={record} size={size} /> : <Icon name={iconOf(kind)} size={size} />}
    </span>
  );
}

function isSmall({ size }: FileRecord): boolean {
  return size !== null && size <= THUMBNAIL_MAX_BYTES;
}

function Picture({ record, size }: { record: FileRecord; size: number }) {
  const [url, setUrl] = useState("");
  useEffect(() => {
    let isGone = false;
    setUrl("");
    // A row that only passes by asks for nothing.
    const timer = setTimeout(() => {
      showUrl(record).then(
        (text) => isGone || setUrl(text),
        () => undefined,
      );
    }, 120);
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [record.id]);
  if (!url) return <Icon name="image" size={size} />;
  return <img src={url} alt="" loading="lazy" decoding="async" onError={() => setUrl("")} />;
}

/** Return the state of a file in words. */
export function statusLabel({ status }: { status: string }): string {
  const labels: Record<string, string> = {
    pending: _("Not finished"),
    stored: _("Stored"),
    quarantined: _("In quarantine"),
    rejected: _("Rejected"),
    deleting: _("Is being deleted"),
  };
  return labels[status] ?? status;
}

/** Return why a file is in quarantine or was rejected, as a sentence. */
export function statusReason({ status, status_reason: reason }: FileRecord): string {
  if (reason) return reason;
  if (status === "quarantined") return _("The scanners have not looked at the file yet.");
  return status === "rejected" ? _("A scanner found something in the file.") : "";
}

/** The place in a row for what the user has to know about a file: quarantine, rejection, or an upload that replaces it. */
export function StatusSlot({ record }: { record: FileRecord }) {
  const live = rowStatuses.value.get(record.path);
  if (live) {
    return (
      <span class="badge badge-live">
        {live.label}
        {live.fraction !== undefined && ` ${formatNumber(Math.floor(live.fraction * 100))} %`}
      </span>
    );
  }
  if (record.status === "stored") return null;
  return (
    <span class={`badge badge-${record.status}`} title={statusReason(record)}>
      <Icon name={record.status === "rejected" ? "warning" : "shield"} size={14} />
      {statusLabel(record)}
    </span>
  );
}

/** The folders in which a search has found a file, below the open one. */
export function FolderHint({ record }: { record: FileRecord }) {
  const inside = record.path.slice(folder.value.length, record.path.lastIndexOf("/") + 1);
  return inside ? <span class="hint">{inside}</span> : null;
}

/** Return the name of a row without its folders. */
export function shortName(row: Row): string {
  return row.kind === "folder" ? row.name : (row.name.split("/").at(-1) ?? row.name);
}
