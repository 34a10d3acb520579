import { signal } from "@preact/signals";
import { ask } from "../dialogs/confirm.tsx";
import { Icon } from "../icons.tsx";
import { bucket, folder, go } from "../location.ts";
import { rows } from "../listing.ts";
import { user } from "../session.ts";
import { OwnerFilter } from "../staff/owner-filter.tsx";
import { _, ngettext } from "../text.ts";
import { UploadButtons } from "../uploads/panel.tsx";
import { askToDelete } from "./ask.ts";
import { download } from "./download.ts";
import { age, clearFilters, isFiltered, kind, sort, status, type Age, type SortKey } from "./filters.ts";
import { kindLabels } from "./kinds.ts";
import { clearSelection, selectAll, selectedRows } from "./selection.ts";

const LAYOUT = "s3-file-uploader.layout";
/** How files are shown. */
export const layout = signal<"table" | "tiles">(localStorage.getItem(LAYOUT) === "tiles" ? "tiles" : "table");
layout.subscribe((value) => localStorage.setItem(LAYOUT, value));

const areFiltersOpen = signal(false);

/** The actions for the open folder, or for the selected files. */
export function Toolbar() {
  return selectedRows.value.length ? <SelectionBar /> : <FolderBar />;
}

async function createFolder(): Promise<void> {
  const name = await ask({
    title: _("New folder"),
    text: "",
    action: _("Open the folder"),
    field: {
      label: _("Name"),
      pattern: "[^\\/\\\\]*[^\\/\\\\.\\s][^\\/\\\\]*",
      hint: _("The folder appears in lists once a file is in it."),
    },
  });
  if (name) go({ bucket: bucket.value, folder: `${folder.value}${name}/` });
}

function FolderBar() {
  return (
    <div class="toolbar">
      <UploadButtons />
      <button type="button" class="button" onClick={() => void createFolder()}>
        <Icon name="folderPlus" size={18} />
        <span class="button-text">{_("New folder")}</span>
      </button>
      <span class="toolbar-space" />
      <button
        type="button"
        class="button"
        aria-expanded={areFiltersOpen.value}
        aria-controls="filters"
        onClick={() => (areFiltersOpen.value = !areFiltersOpen.value)}
      >
        <Icon name="filter" size={18} />
        <span class="button-text">{_("Filters")}</span>
        {isFiltered.value && <span class="dot" />}
      </button>
      <div class="switch" role="group" aria-label={_("Layout")}>
        <LayoutButton value="table" icon="list" label={_("Table")} />
        <LayoutButton value="tiles" icon="grid" label={_("Tiles")} />
      </div>
    </div>
  );
}

function LayoutButton({ value, icon, label }: { value: "table" | "tiles"; icon: "list" | "grid"; label: string }) {
  const isOn = layout.value === value;
  return (
    <button
      type="button"
      class="button-icon"
      aria-pressed={isOn}
      aria-label={label}
      title={label}
      onClick={() => (layout.value = value)}
    >
      <Icon name={icon} size={18} />
    </button>
  );
}

function SelectionBar() {
  const selected = selectedRows.value;
  const files = selected.flatMap((row) => (row.kind === "file" ? [row.record] : []));
  return (
    <div class="toolbar toolbar-selection" role="group" aria-label={_("Selected files")}>
      <button type="button" class="button-icon" aria-label={_("Unselect all")} onClick={clearSelection}>
        <Icon name="close" />
      </button>
      <strong>{ngettext("%(count)s selected", "%(count)s selected", selected.length)}</strong>
      {selected.length < rows.value.length && (
        <button type="button" class="button-link" onClick={() => void selectAll()}>
          {_("Select all")}
        </button>
      )}
      <span class="toolbar-space" />
      {files.length > 0 && (
        <button type="button" class="button" onClick={() => void download(files)}>
          <Icon name="download" size={18} />
          <span class="button-text">{_("Download")}</span>
        </button>
      )}
      <button type="button" class="button button-danger" onClick={() => void askToDelete(selected)}>
        <Icon name="trash" size={18} />
        <span class="button-text">{_("Delete")}</span>
      </button>
    </div>
  );
}

/** Filters, and the order, which has no other place in tiles and on narrow screens. */
export function Filters() {
  if (!areFiltersOpen.value) return null;
  return (
    <div class="filters" id="filters">
      <Choice id="filter-kind" label={_("Type")} field={kind} options={[["", _("All types")], ...kindLabels()]} />
      <Choice
        id="filter-status"
        label={_("Status")}
        field={status}
        options={[
          ["", _("Any status")],
          ["stored", _("Stored")],
          ["quarantined", _("In quarantine")],
          ["rejected", _("Rejected")],
        ]}
      />
      <Choice
        id="filter-age"
        label={_("Date")}
        field={age}
        options={
          [
            ["", _("Any time")],
            ["1", _("Last 24 hours")],
            ["7", _("Last 7 days")],
            ["30", _("Last 30 days")],
            ["365", _("Last 12 months")],
          ] as [Age, string][]
        }
      />
      <Choice
        id="filter-sort"
        label={_("Order")}
        field={order}
        options={[
          ["name", _("Name, A to Z")],
          ["-name", _("Name, Z to A")],
          ["-date", _("Newest first")],
          ["date", _("Oldest first")],
          ["-size", _("Largest first")],
          ["size", _("Smallest first")],
          ["type", _("Type")],
        ]}
      />
      {user.value.isStaff && <OwnerFilter />}
      {isFiltered.value && (
        <button type="button" class="button-link" onClick={clearFilters}>
          {_("Clear filters")}
        </button>
      )}
    </div>
  );
}

interface ChoiceProperties<T extends string> {
  id: string;
  label: string;
  /** A signal, or an object like one. */
  field: { value: T };
  options: [T, string][];
}

function Choice<T extends string>({ id, label, field, options }: ChoiceProperties<T>) {
  return (
    <p class="field">
      <label for={id}>{label}</label>
      <select id={id} value={field.value} onChange={(event) => (field.value = event.currentTarget.value as T)}>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </p>
  );
}

/** The order as one text: `-` before the key for the descending order. */
const order = {
  get value(): string {
    const { key, isDescending } = sort.value;
    return `${isDescending ? "-" : ""}${key}`;
  },
  set value(text: string) {
    sort.value = { key: text.replace("-", "") as SortKey, isDescending: text.startsWith("-") };
  },
};
