import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { isComplete, loadMore, rows, type Row } from "../listing.ts";
import { _, formatBytes } from "../text.ts";
import { FolderHint, StatusSlot, Thumbnail } from "./cell.tsx";
import { handleListKeys, openRow } from "./keys.ts";
import { openMenu } from "./menu.tsx";
import { selection } from "./selection.ts";
import { focusLine, MoreButton, OpenLink, SelectBox } from "./table.tsx";
import { useWindow } from "./virtual.ts";

const TILE_WIDTH = 176;
const TILE_HEIGHT = 228;
const GAP = 12;
const LINES_AHEAD = 8;

/** The files and folders as tiles, of which only those near the screen exist. */
export function FileTiles() {
  const ref = useRef<HTMLUListElement>(null);
  const columns = useColumns(ref);
  const all = rows.value;
  const lines = Math.ceil(all.length / columns);
  const height = TILE_HEIGHT + GAP;
  const { start, end } = useWindow(ref, height, lines);
  const isNearEnd = end + LINES_AHEAD >= lines;
  useEffect(() => {
    if (isNearEnd && !isComplete.value) void loadMore();
  }, [isNearEnd, all.length]);
  return (
    <ul
      ref={ref}
      class="tiles"
      aria-label={_("Files")}
      style={{
        gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
        paddingBlockStart: `${start * height}px`,
        paddingBlockEnd: `${(lines - end) * height}px`,
      }}
      onKeyDown={(event) => handleListKeys(event, columns, (index) => focusLine(ref.current, index, height, columns))}
    >
      {all.slice(start * columns, end * columns).map((row, offset) => (
        <Tile key={row.key} row={row} index={start * columns + offset} />
      ))}
    </ul>
  );
}

/** Return how many tiles fit beside each other. */
function useColumns(ref: { current: HTMLElement | null }): number {
  const [columns, setColumns] = useState(4);
  useLayoutEffect(() => {
    if (!ref.current) return;
    const observer = new ResizeObserver(([entry]) => {
      const width = entry?.contentRect.width ?? 0;
      setColumns(Math.max(2, Math.floor((width + GAP) / (TILE_WIDTH + GAP))));
    });
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return columns;
}

function Tile({ row, index }: { row: Row; index: number }) {
  const isSelected = selection.value.has(row.key);
  return (
    <li
      data-index={index}
      data-key={row.key}
      class={isSelected ? "tile is-selected" : "tile"}
      style={{ blockSize: `${TILE_HEIGHT}px` }}
      onContextMenu={(event) => openMenu(event, row)}
    >
      <div class="tile-picture" onClick={() => openRow(row)}>
        <Thumbnail row={row} size={48} />
      </div>
      <label class="check tile-check">
        <SelectBox row={row} />
      </label>
      <div class="tile-text">
        <OpenLink row={row} />
        <span class="name-more">
          {row.kind === "folder" ? (
            _("Folder")
          ) : (
            <>
              {formatBytes(row.record.size ?? 0)} <FolderHint record={row.record} />
              <StatusSlot record={row.record} />
            </>
          )}
        </span>
      </div>
      <MoreButton row={row} />
    </li>
  );
}
