import { confirm } from "../dialogs/confirm.tsx";
import { bucket } from "../location.ts";
import type { Row } from "../listing.ts";
import { _, formatBytes, ngettext } from "../text.ts";
import { showError } from "../toasts.tsx";
import { deleteFiles } from "./delete.ts";
import { openFolder, type FileRecord } from "./source.ts";

const MANY = 20;

/** Delete files at once, with undo. Folders, and many files, are deleted after a question that says how many they are. */
export async function askToDelete(rows: readonly Row[]): Promise<void> {
  const keepFocus = rememberFocus();
  const prefixes = rows.flatMap((row) => (row.kind === "folder" ? [row.prefix] : []));
  const files = rows.flatMap((row) => (row.kind === "file" ? [row.record] : []));
  try {
    for (const prefix of prefixes) files.push(...(await listAll(prefix)));
  } catch (error) {
    showError(error);
    return;
  }
  if ((prefixes.length || files.length > MANY) && !(await isSure(prefixes, files))) return;
  if (!files.length) return;
  deleteFiles(files);
  setTimeout(keepFocus); // After the lines have gone.
}

/** Return a function that moves a lost focus to the line that is now in place of the focused one. */
function rememberFocus(): () => void {
  const line = document.activeElement?.closest<HTMLElement>("[data-index]");
  return () => {
    if (document.activeElement !== document.body) return;
    const lines = line ? [...document.querySelectorAll<HTMLElement>("[data-index]")] : [];
    const next = lines.find(({ dataset }) => dataset.index === line?.dataset.index) ?? lines.at(-1);
    (next?.querySelector<HTMLElement>(".row-open") ?? document.getElementById("main"))?.focus({ preventScroll: true });
  };
}

async function isSure(prefixes: readonly string[], files: readonly FileRecord[]): Promise<boolean> {
  const bytes = files.reduce((sum, { size }) => sum + (size ?? 0), 0);
  const [name] = prefixes;
  const size = formatBytes(bytes);
  return confirm({
    title:
      prefixes.length === 1
        ? _("Delete the folder %(name)s?", { name: name?.replace(/\/$/, "").split("/").at(-1) ?? "" })
        : _("Delete all of this?"),
    text: ngettext(
      "This deletes %(count)s file of %(size)s.",
      "This deletes %(count)s files of %(size)s.",
      files.length,
      { size },
    ),
    action: _("Delete"),
    isDanger: true,
  });
}

async function listAll(prefix: string): Promise<FileRecord[]> {
  const source = openFolder({ bucket: bucket.value, prefix, deep: true, pageSize: 1000 });
  const files: FileRecord[] = [];
  for (let page = await source.page(); page; page = await source.page()) files.push(...page.items);
  return files;
}
