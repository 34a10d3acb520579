import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "../icons.tsx";
import type { Row } from "../listing.ts";
import { openFile } from "../location.ts";
import { _ } from "../text.ts";
import { askToDelete } from "./ask.ts";
import { shortName } from "./cell.tsx";
import { download } from "./download.ts";
import { openRow } from "./keys.ts";
import { openShare } from "./shared.ts";

interface Opened {
  row: Row;
  opener: HTMLElement | null;
  x: number;
  y: number;
}

const opened = signal<Opened | undefined>(undefined);

/** Open the menu of a row below its button, or where the mouse is. */
export function openMenu(event: MouseEvent, row: Row): void {
  event.preventDefault();
  const button = (event.target as HTMLElement).closest("button");
  const line = (event.target as HTMLElement).closest<HTMLElement>("[data-index]");
  const box = button?.getBoundingClientRect();
  const opener = button ?? line?.querySelector<HTMLElement>(".row-open") ?? null;
  opened.value = { row, opener, x: box ? box.right : event.clientX, y: box ? box.bottom : event.clientY };
}

interface Item {
  icon: IconName;
  label: string;
  run: () => void;
  isDanger?: boolean;
}

function itemsOf(row: Row): Item[] {
  const remove: Item = { icon: "trash", label: _("Delete"), run: () => void askToDelete([row]), isDanger: true };
  if (row.kind === "folder") return [{ icon: "folder", label: _("Open"), run: () => openRow(row) }, remove];
  const { record } = row;
  const isStored = record.status === "stored";
  const items: Item[] = [{ icon: "info", label: _("Open and details"), run: () => openFile(record.id) }];
  if (isStored) {
    items.push({ icon: "download", label: _("Download"), run: () => void download([record]) });
    items.push({ icon: "link", label: _("Share by link"), run: () => openShare(record) });
  }
  return [...items, remove];
}

/** The open menu, if there is one. */
export function RowMenu() {
  const menu = opened.value;
  return menu ? <Menu key={menu.row.key} {...menu} /> : null;
}

function Menu({ row, opener, x, y }: Opened) {
  const ref = useRef<HTMLDivElement>(null);
  const close = (isReturning = true) => {
    opened.value = undefined;
    if (isReturning) opener?.focus();
  };
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const { width, height } = element.getBoundingClientRect();
    // Below and inside the screen, whatever the direction of the text is.
    element.style.left = `${Math.max(8, Math.min(x - width, innerWidth - width - 8))}px`;
    element.style.top = `${Math.max(8, y + height > innerHeight - 8 ? y - height - 8 : y + 4)}px`;
    element.querySelector<HTMLElement>("[role=menuitem]")?.focus();
    const leave = (event: Event) => element.contains(event.target as Node) || close(false);
    addEventListener("pointerdown", leave);
    addEventListener("scroll", leave);
    addEventListener("resize", leave);
    return () => {
      removeEventListener("pointerdown", leave);
      removeEventListener("scroll", leave);
      removeEventListener("resize", leave);
    };
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    const items = [...(ref.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
    const index = items.indexOf(document.activeElement as HTMLElement);
    const steps: Record<string, number> = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: -1 };
    const step = steps[event.key];
    if (step !== undefined) {
      event.preventDefault();
      items.at(step % items.length)?.focus();
    } else if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      close();
    }
  };
  return (
    <div ref={ref} class="menu" role="menu" aria-label={shortName(row)} onKeyDown={onKeyDown}>
      {itemsOf(row).map(({ icon, label, run, isDanger }) => (
        <button
          key={label}
          type="button"
          role="menuitem"
          tabIndex={-1}
          class={isDanger ? "menu-item is-danger" : "menu-item"}
          onClick={() => {
            close();
            run();
          }}
        >
          <Icon name={icon} size={18} />
          {label}
        </button>
      ))}
    </div>
  );
}
