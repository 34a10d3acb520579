import { page } from "../page.ts";
import { hidden, records, refresh } from "../listing.ts";
import { csrfToken, requireSession } from "../session.ts";
import { _, ngettext } from "../text.ts";
import { showError, showToast } from "../toasts.tsx";
import { clearSelection } from "./selection.ts";
import type { FileRecord } from "./source.ts";

const UNDO_SECONDS = 8;
const AT_ONCE = 4;
const ATTEMPTS = 4;
const GONE = [204, 404];
/** Files whose deletion the server has not been told yet. */
const waiting = new Map<string, FileRecord>();

/** Take files out of the list, and delete them once the time to undo that is over. */
export function deleteFiles(files: readonly FileRecord[]): void {
  for (const file of files) waiting.set(file.id, file);
  hidden.value = new Set([...hidden.value, ...files.map(({ id }) => id)]);
  clearSelection();
  const [first] = files;
  const text =
    files.length === 1
      ? _("%(name)s is deleted.", { name: first?.path.split("/").at(-1) ?? "" })
      : ngettext("%(count)s file is deleted.", "%(count)s files are deleted.", files.length);
  showToast({
    text,
    seconds: UNDO_SECONDS,
    action: { label: _("Undo"), run: () => keep(files) },
    onEnd: () => void carryOut(files),
  });
}

function keep(files: readonly FileRecord[]): void {
  for (const { id } of files) waiting.delete(id);
  show(files);
}

function show(files: readonly FileRecord[]): void {
  const ids = new Set(hidden.value);
  for (const { id } of files) ids.delete(id);
  hidden.value = ids;
}

async function carryOut(files: readonly FileRecord[]): Promise<void> {
  const queue = [...files];
  const failed: FileRecord[] = [];
  const work = async () => {
    for (let file = queue.shift(); file; file = queue.shift()) {
      try {
        await deleteRecord(file.id);
      } catch (error) {
        failed.push(file);
        showError(error, file.path);
      }
      waiting.delete(file.id);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, files.length) }, work));
  const gone = new Set(files.filter((file) => !failed.includes(file)).map(({ id }) => id));
  records.value = records.value.filter(({ id }) => !gone.has(id));
  show(files);
  refresh();
}

/** Delete a file by its record, whatever its status is. A lost answer does not matter: the second one is 404. */
async function deleteRecord(id: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const response = await send(id, false).catch(() => undefined);
    if (response && GONE.includes(response.status)) return;
    if (response?.status === 401) await requireSession();
    else if (attempt === ATTEMPTS || (response && response.status < 500 && response.status !== 429)) {
      throw new Error(await reasonOf(response));
    }
    await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** attempt));
  }
}

async function reasonOf(response: Response | undefined): Promise<string> {
  const answer = (await response?.json().catch(() => undefined)) as { detail?: string } | undefined;
  return answer?.detail ?? _("The server cannot be reached.");
}

function send(id: string, keepalive: boolean): Promise<Response> {
  const headers = { Accept: "application/json", "X-CSRFToken": csrfToken() };
  return fetch(`${page.service}uploads/${id}/`, { method: "DELETE", headers, keepalive });
}

// After leaving the page, its user cannot undo any more.
addEventListener("pagehide", () => {
  for (const id of waiting.keys()) void send(id, true);
});
