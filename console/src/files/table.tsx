import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../icons.tsx";
import { dateOf, isComplete, loadMore, rows, type Row } from "../listing.ts";
import { addressOf, bucket } from "../location.ts";
import { user } from "../session.ts";
import { ownerName } from "../staff/owners.ts";
import { _, formatBytes, formatDay, formatTime } from "../text.ts";
import { FolderHint, shortName, StatusSlot, Thumbnail } from "./cell.tsx";
import { sort, sortBy, type SortKey } from "./filters.ts";
import { handleListKeys, openRow } from "./keys.ts";
import { openMenu } from "./menu.tsx";
import { selectAll, clearSelection, selection, toggle } from "./selection.ts";
import { useWindow } from "./virtual.ts";

const narrow = matchMedia("(max-width: 40rem)");
/** True on screens that have room for the name alone; size and date then stand below it. */
const isNarrowScreen = signal(narrow.matches);
narrow.addEventListener("change", ({ matches }) => (isNarrowScreen.value = matches));

const ROW_HEIGHT = 56;
/** Lines before the end at which the next page is asked for. */
const AHEAD = 60;

/** The files and folders as a table, of which only the lines near the screen exist. */
export function FileTable() {
  const ref = useRef<HTMLTableSectionElement>(null);
  const all = rows.value;
  const { start, end } = useWindow(ref, ROW_HEIGHT, all.length);
  const isNearEnd = end + AHEAD >= all.length;
  useEffect(() => {
    if (isNearEnd && !isComplete.value) void loadMore();
  }, [isNearEnd, all.length]);
  const isNarrow = isNarrowScreen.value;
  const isStaff = user.value.isStaff && !isNarrow;
  const columns = isNarrow ? 3 : isStaff ? 6 : 5;
  return (
    <table
      class="files"
      aria-rowcount={isComplete.value ? all.length + 1 : -1}
      onKeyDown={(event) => handleListKeys(event, 1, (index) => focusLine(ref.current, index, ROW_HEIGHT))}
    >
      <caption class="visually-hidden">{_("Files")}</caption>
      <colgroup>
        <col class="cell-select" />
        <col />
        {!isNarrow && <col class="cell-size" />}
        {!isNarrow && <col class="cell-date" />}
        {isStaff && <col class="cell-owner" />}
        <col class="cell-more" />
      </colgroup>
      <thead>
        <tr aria-rowindex={1}>
          <th class="cell-select" scope="col">
            <SelectAll />
          </th>
          <Heading sortKey="name" label={_("Name")} class="cell-name" />
          {!isNarrow && <Heading sortKey="size" label={_("Size")} class="cell-size" />}
          {!isNarrow && <Heading sortKey="date" label={_("Stored")} class="cell-date" />}
          {isStaff && (
            <th class="cell-owner" scope="col">
              {_("Owner")}
            </th>
          )}
          <th class="cell-more" scope="col">
            <span class="visually-hidden">{_("Actions")}</span>
          </th>
        </tr>
      </thead>
      <tbody ref={ref}>
        {start > 0 && <Gap lines={start} columns={columns} />}
        {all.slice(start, end).map((row, offset) => (
          <Line key={row.key} row={row} index={start + offset} isStaff={isStaff} isNarrow={isNarrow} />
        ))}
        {end < all.length && <Gap lines={all.length - end} columns={columns} />}
      </tbody>
    </table>
  );
}

function Gap({ lines, columns }: { lines: number; columns: number }) {
  return (
    <tr aria-hidden="true" class="gap">
      <td colSpan={columns} style={{ blockSize: `${lines * ROW_HEIGHT}px` }} />
    </tr>
  );
}

function SelectAll() {
  const count = selection.value.size;
  const isAll = count > 0 && count === rows.value.length;
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={isAll}
        indeterminate={count > 0 && !isAll}
        aria-label={_("Select all")}
        onClick={() => (isAll ? clearSelection() : void selectAll())}
      />
    </label>
  );
}

function Heading({ sortKey, label, class: name }: { sortKey: SortKey; label: string; class: string }) {
  const { key, isDescending } = sort.value;
  const isOurs = key === sortKey;
  return (
    <th class={name} scope="col" aria-sort={isOurs ? (isDescending ? "descending" : "ascending") : undefined}>
      <button type="button" class="heading" onClick={() => sortBy(sortKey)}>
        {label}
        {isOurs && <Icon name={isDescending ? "arrowDown" : "arrowUp"} size={14} />}
      </button>
    </th>
  );
}

interface LineProperties {
  row: Row;
  index: number;
  isStaff: boolean;
  isNarrow: boolean;
}

function Line({ row, index, isStaff, isNarrow }: LineProperties) {
  const isSelected = selection.value.has(row.key);
  return (
    <tr
      data-index={index}
      data-key={row.key}
      aria-rowindex={index + 2}
      class={isSelected ? "line is-selected" : "line"}
      onContextMenu={(event) => openMenu(event, row)}
    >
      <td class="cell-select">
        <label class="check">
          <SelectBox row={row} />
        </label>
      </td>
      <td class="cell-name">
        <span class="name">
          <Thumbnail row={row} size={22} />
          <span class="name-text">
            <OpenLink row={row} />
            <span class="name-more">
              {row.kind === "file" && (
                <>
                  {isNarrow && (
                    <span>
                      {formatBytes(row.record.size ?? 0)} · {formatDay(dateOf(row.record))}
                    </span>
                  )}
                  <FolderHint record={row.record} />
                  <StatusSlot record={row.record} />
                </>
              )}
            </span>
          </span>
        </span>
      </td>
      {!isNarrow && (
        <>
          <td class="cell-size">{row.kind === "file" && formatBytes(row.record.size ?? 0)}</td>
          <td class="cell-date">
            {row.kind === "file" && (
              <time dateTime={dateOf(row.record)} title={formatTime(dateOf(row.record))}>
                {formatDay(dateOf(row.record))}
              </time>
            )}
          </td>
        </>
      )}
      {isStaff && <td class="cell-owner">{row.kind === "file" && ownerName(row.record.user_id)}</td>}
      <td class="cell-more">
        <MoreButton row={row} />
      </td>
    </tr>
  );
}

/** The box that selects a row; with Shift, a range. */
export function SelectBox({ row }: { row: Row }) {
  return (
    <input
      type="checkbox"
      checked={selection.value.has(row.key)}
      aria-label={_("Select %(name)s", { name: shortName(row) })}
      onClick={(event) => toggle(row.key, event.shiftKey)}
    />
  );
}

/** The name of a row, which opens it. */
export function OpenLink({ row }: { row: Row }) {
  const open = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (event.shiftKey) toggle(row.key, true);
    else openRow(row);
  };
  const place =
    row.kind === "folder"
      ? { bucket: bucket.value, folder: row.prefix }
      : { bucket: bucket.value, folder: row.record.path.slice(0, row.record.path.lastIndexOf("/") + 1), file: row.key };
  return (
    <a class="row-open" href={addressOf(place)} onClick={open} draggable={false} dir="auto">
      {shortName(row)}
      {row.kind === "folder" && <span class="visually-hidden"> ({_("folder")})</span>}
    </a>
  );
}

/** The button that opens the menu of a row. */
export function MoreButton({ row }: { row: Row }) {
  return (
    <button
      type="button"
      class="button-icon"
      aria-haspopup="menu"
      aria-label={_("Actions for %(name)s", { name: shortName(row) })}
      onClick={(event) => openMenu(event, row)}
    >
      <Icon name="more" />
    </button>
  );
}

/** Scroll to a line, which may not exist yet, and give it the focus. */
export function focusLine(body: HTMLElement | null, index: number, height: number, columns = 1): void {
  if (!body) return;
  const line = Math.floor(index / columns);
  const top = body.getBoundingClientRect().top + line * height;
  const head = 176;
  if (top < head) scrollBy(0, top - head);
  else if (top + height > innerHeight - 24) scrollBy(0, top + height - innerHeight + 24);
  const focus = () =>
    body.querySelector<HTMLElement>(`[data-index="${index}"] .row-open`)?.focus({ preventScroll: true });
  // Scrolling renders on the next frame, and the line exists on the one after.
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(focus)));
}
