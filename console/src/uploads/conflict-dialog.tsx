import { useSignal } from "@preact/signals";
import { Dialog } from "../dialogs/dialog.tsx";
import { _, formatBytes, formatTime, ngettext } from "../text.ts";
import { question, type Choice, type Question } from "./conflicts.ts";
import { splitPath } from "./names.ts";
import { facts } from "./words.ts";

/** The question about a file whose path is taken. */
export function ConflictDialog() {
  const asked = question.value;
  return asked && <Asking asked={asked} key={asked.path} />;
}

function Asking({ asked }: { asked: Question }) {
  const { answer, existing, mayReplace, modifiedAt, others, path, size } = asked;
  const forAll = useSignal(false);
  const { folder, name } = splitPath(path);
  const choose = (choice: Choice) => () => answer(choice, forAll.value);
  return (
    <Dialog title={_("%(name)s is there already", { name })} class="conflict" onClose={choose("skip")}>
      {folder && <p class="conflict-folder">{_("In the folder %(folder)s", { folder: folder.slice(0, -1) })}</p>}
      <dl class="conflict-files">
        <dt>{existing.storedAt ? _("Stored") : _("On its way")}</dt>
        <dd>
          {facts(
            existing.size === null ? "" : formatBytes(existing.size),
            existing.storedAt ? formatTime(existing.storedAt) : "",
          )}
        </dd>
        <dt>{_("New")}</dt>
        <dd>{facts(formatBytes(size), formatTime(new Date(modifiedAt).toISOString()))}</dd>
      </dl>
      {others > 0 && (
        <label class="conflict-all">
          <input
            type="checkbox"
            checked={forAll.value}
            onChange={(event) => (forAll.value = event.currentTarget.checked)}
          />
          {ngettext("Do the same with %(count)s other file", "Do the same with %(count)s other files", others)}
        </label>
      )}
      <footer class="dialog-foot">
        <button type="button" class="button" onClick={choose("skip")}>
          {_("Skip")}
        </button>
        {mayReplace && (
          <button type="button" class="button" onClick={choose("replace")}>
            {_("Replace")}
          </button>
        )}
        <button type="button" class="button button-primary" onClick={choose("keep")} autoFocus>
          {_("Keep both")}
        </button>
      </footer>
    </Dialog>
  );
}
