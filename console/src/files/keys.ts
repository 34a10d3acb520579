import { rows, type Row } from "../listing.ts";
import { go, bucket, openFile } from "../location.ts";
import { askToDelete } from "./ask.ts";
import { clearSelection, selectAll, selectedRows, toggle } from "./selection.ts";

/** Open a folder, or a file in the viewer. */
export function openRow(row: Row): void {
  if (row.kind === "folder") {
    clearSelection();
    go({ bucket: bucket.value, folder: row.prefix });
    document.getElementById("main")?.focus({ preventScroll: true });
  } else openFile(row.record.id);
}

/** Handle keys in a list whose lines have so many columns: arrows move, Space selects, Delete deletes. */
export function handleListKeys(event: KeyboardEvent, columns: number, show: (index: number) => void): void {
  const target = event.target as HTMLElement;
  if (target.matches("input[type=search], select")) return;
  if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    void selectAll();
    return;
  }
  const line = target.closest<HTMLElement>("[data-index]");
  if (!line) return;
  const index = Number(line.dataset.index);
  const row = rows.value[index];
  if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
  const next = nextIndex(event.key, index, columns);
  if (next !== undefined) {
    event.preventDefault();
    const to = Math.max(0, Math.min(next, rows.value.length - 1));
    const reached = rows.value[to];
    if (event.shiftKey && reached) {
      if (!selectedRows.value.includes(row)) toggle(row.key);
      toggle(reached.key, true);
    }
    show(to);
  } else if (event.key === " " && target.matches(".row-open")) {
    event.preventDefault();
    toggle(row.key, event.shiftKey);
  } else if (event.key === "Delete") {
    event.preventDefault();
    void askToDelete(selectedRows.value.length ? selectedRows.value : [row]);
  } else if (event.key === "Escape") clearSelection();
}

function nextIndex(key: string, index: number, columns: number): number | undefined {
  const isRtl = document.documentElement.dir === "rtl";
  const page = Math.max(1, Math.floor(innerHeight / 64) - 2) * columns;
  const steps: Record<string, number> = {
    ArrowDown: index + columns,
    ArrowUp: index - columns,
    Home: 0,
    End: rows.value.length - 1,
    PageDown: index + page,
    PageUp: index - page,
    ...(columns > 1 ? { ArrowRight: index + (isRtl ? -1 : 1), ArrowLeft: index + (isRtl ? 1 : -1) } : {}),
  };
  return steps[key];
}
