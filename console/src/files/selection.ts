import { computed, signal } from "@preact/signals";
import { announce } from "../live.tsx";
import { isComplete, loadAll, rows } from "../listing.ts";
import { ngettext } from "../text.ts";

/** Keys of the selected rows. */
export const selection = signal<ReadonlySet<string>>(new Set());
/** The row from which shift extends the selection. */
let anchor: string | undefined;

/** The selected rows that are in the list. */
export const selectedRows = computed(() => {
  const keys = selection.value;
  return keys.size ? rows.value.filter(({ key }) => keys.has(key)) : [];
});

/** Select a row or unselect it; with `isRange`, all rows from the last one to this. */
export function toggle(key: string, isRange = false): void {
  const next = new Set(selection.value);
  const isSelected = next.has(key);
  if (isRange && anchor !== undefined && anchor !== key) {
    for (const each of between(anchor, key)) next.add(each);
  } else if (isSelected) next.delete(key);
  else next.add(key);
  anchor = key;
  change(next);
}

/** Select all rows; pages that are not loaded yet are loaded first. */
export async function selectAll(): Promise<void> {
  await loadAll();
  if (!isComplete.value) return;
  change(new Set(rows.value.map(({ key }) => key)));
}

/** Select nothing. */
export function clearSelection(): void {
  anchor = undefined;
  if (selection.value.size) selection.value = new Set();
}

function change(next: Set<string>): void {
  selection.value = next;
  announce(ngettext("%(count)s selected", "%(count)s selected", next.size));
}

function between(one: string, other: string): string[] {
  const keys = rows.value.map(({ key }) => key);
  const ends = [keys.indexOf(one), keys.indexOf(other)].sort((first, second) => first - second);
  return ends[0] === undefined || ends[0] < 0 ? [other] : keys.slice(ends[0], (ends[1] ?? ends[0]) + 1);
}
