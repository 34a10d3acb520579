import { effect, signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { confirm } from "../dialogs/confirm.tsx";
import { Icon } from "../icons.tsx";
import { isSignedOut } from "../session.ts";
import { _, formatNumber, ngettext } from "../text.ts";
import { speakProgress } from "./announcements.ts";
import { groups, isEmpty, isHeld, totals } from "./board.ts";
import { ConflictDialog } from "./conflict-dialog.tsx";
import { question } from "./conflicts.ts";
import { DropTarget } from "./drop-target.tsx";
import { reading, take } from "./intake.ts";
import { beginInterrupted, reopenAll } from "./interrupted.ts";
import type { Item } from "./item.ts";
import { pick, readFiles } from "./picked.ts";
import { clear, pauseAll, removeAll, resumeAll, retryAll } from "./queue.ts";
import { IconButton, Row } from "./row.tsx";
import { facts, speed, timeLeft } from "./words.ts";
import "./uploads.css";

export { UploadButtons } from "./buttons.tsx";
export { UsageBar } from "./usage-bar.tsx";

const FIRST_ROWS = 50;
const MORE_ROWS = 200;
const PERCENT = 100;
const isMinimised = signal(false);

/** The queue of uploads, at the edge of the page. */
export function UploadPanel() {
  useEffect(begin, []);
  return (
    <>
      <DropTarget />
      <ConflictDialog />
      {(!isEmpty.value || reading.value !== undefined) && <Panel />}
    </>
  );
}

function begin(): () => void {
  void beginInterrupted();
  const ends = [speakProgress(), warnBeforeLeaving()];
  return () => ends.forEach((end) => end());
}

/** Ask before the page closes, but only while bytes are on their way: everything else waits in the browser's storage. */
function warnBeforeLeaving(): () => void {
  const warn = (event: BeforeUnloadEvent) => event.preventDefault();
  return effect(() => {
    if (!totals.value.underway) return undefined;
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  });
}

function Panel() {
  return (
    <section class={`uploads ${isMinimised.value ? "uploads-minimised" : ""}`} aria-labelledby="uploads-title">
      <Head />
      {!isMinimised.value && (
        <div class="uploads-body" id="uploads-body">
          {reading.value !== undefined && !question.value && <Reading files={reading.value} />}
          <Attention />
          <List items={groups.active.value} label={_("On their way")} />
          <Done />
        </div>
      )}
    </section>
  );
}

function Reading({ files }: { files: number }) {
  return (
    <p class="uploads-note">
      {navigator.onLine
        ? ngettext("Reading %(count)s file …", "Reading %(count)s files …", files)
        : _("No connection: the files are added once it is back.")}
    </p>
  );
}

function Head() {
  const { rate, secondsLeft, sentBytes, totalBytes, underway } = totals.value;
  const isActive = waiting() > 0;
  const percent = totalBytes ? Math.floor((PERCENT * sentBytes) / totalBytes) : PERCENT;
  const details = isSignedOut.value
    ? _("Waiting until you sign in again")
    : facts(`${formatNumber(percent)} %`, underway ? speed(rate) : "", underway ? timeLeft(secondsLeft) : "");
  return (
    <header class="uploads-head">
      <div class="uploads-summary">
        <h2 id="uploads-title" tabIndex={-1}>
          {summarise()}
        </h2>
        {isActive && <p class="uploads-details">{details}</p>}
      </div>
      <div class="uploads-actions">
        {isActive && <HoldButton />}
        {isActive && <IconButton icon="close" label={_("Cancel all")} onClick={() => void askToCancel()} />}
        <button
          type="button"
          class="button-icon uploads-fold"
          aria-expanded={!isMinimised.value}
          aria-controls="uploads-body"
          aria-label={_("Show the list of uploads")}
          title={isMinimised.value ? _("Show the list of uploads") : _("Hide the list of uploads")}
          onClick={() => (isMinimised.value = !isMinimised.value)}
        >
          <Icon name="chevron" />
        </button>
      </div>
      {isActive && <progress aria-label={_("All uploads")} max={Math.max(1, totalBytes)} value={sentBytes} />}
    </header>
  );
}

function HoldButton() {
  // One button for both, so that it keeps the focus.
  const isPaused = isHeld.value || (totals.value.paused > 0 && !totals.value.underway);
  return (
    <IconButton
      icon={isPaused ? "play" : "pause"}
      label={isPaused ? _("Resume all") : _("Pause all")}
      onClick={isPaused ? resumeAll : pauseAll}
    />
  );
}

/** Files whose bytes are not all with the service. */
function waiting(): number {
  return groups.active.value.filter(({ stage }) => stage !== "scanning").length;
}

function summarise(): string {
  const { files, storedFiles } = totals.value;
  const active = waiting();
  const attention = groups.attention.value.length;
  if (active) {
    const counts = { stored: formatNumber(storedFiles), files: formatNumber(files) };
    return isHeld.value
      ? _("Paused: %(stored)s of %(files)s", counts)
      : _("Uploading: %(stored)s of %(files)s", counts);
  }
  if (attention) return ngettext("%(count)s file needs attention", "%(count)s files need attention", attention);
  const done = groups.done.value.length;
  if (done) return ngettext("%(count)s file uploaded", "%(count)s files uploaded", done);
  return _("Uploads");
}

async function askToCancel(): Promise<void> {
  const count = waiting();
  const isSure =
    count === 1 ||
    (await confirm({
      title: _("Cancel all uploads?"),
      text: ngettext(
        "%(count)s file is not sent. Files that are stored already stay.",
        "%(count)s files are not sent. Files that are stored already stay.",
        count,
      ),
      action: _("Cancel uploads"),
      isDanger: true,
    }));
  if (isSure) await removeAll();
}

/** Files that need the user, with one button for all where that makes sense. */
function Attention() {
  const items = groups.attention.value;
  if (!items.length) return null;
  const interrupted = items.filter(({ stage }) => stage === "interrupted");
  const known = interrupted.filter(({ source }) => source);
  return (
    <>
      <div class="uploads-bulk">
        {known.length > 1 && (
          <button type="button" class="button button-small" onClick={() => void reopenAll(known)}>
            {ngettext("Continue with %(count)s file", "Continue with %(count)s files", known.length)}
          </button>
        )}
        {interrupted.length - known.length > 1 && (
          <>
            <button type="button" class="button button-small" onClick={() => void chooseAgain(false)}>
              {_("Choose these files again")}
            </button>
            <button type="button" class="button button-small" onClick={() => void chooseAgain(true)}>
              {_("Choose their folder again")}
            </button>
          </>
        )}
        {totals.value.failed > 1 && (
          <button type="button" class="button button-small" onClick={retryAll}>
            {_("Try all again")}
          </button>
        )}
        {items.filter(({ stage }) => stage === "refused").length > 1 && (
          <button type="button" class="button button-small" onClick={() => clear("refused")}>
            {_("Remove the refused files from the list")}
          </button>
        )}
      </div>
      <List items={items} label={_("Need attention")} />
    </>
  );
}

async function chooseAgain(folder: boolean): Promise<void> {
  const files = await pick({ folder });
  if (files.length) await take(readFiles(files));
}

function Done() {
  const items = groups.done.value;
  if (!items.length) return null;
  return (
    <div class="uploads-done">
      <details>
        <summary>{ngettext("%(count)s file stored", "%(count)s files stored", items.length)}</summary>
        <List items={items} label={_("Stored")} />
      </details>
      <button type="button" class="button button-small" onClick={() => clear("done")}>
        {_("Clear")}
      </button>
    </div>
  );
}

/** Rows of a group. Only some are drawn: a folder may have thousands of files. */
function List({ items, label }: { items: readonly Item[]; label: string }) {
  const most = useSignal(FIRST_ROWS);
  if (!items.length) return null;
  const hidden = items.length - most.value;
  return (
    <>
      <ul class="uploads-list" aria-label={label}>
        {items.slice(0, most.value).map((item) => (
          <Row item={item} key={item.id} />
        ))}
      </ul>
      {hidden > 0 && (
        <button type="button" class="button button-small uploads-more" onClick={() => (most.value += MORE_ROWS)}>
          {ngettext("Show %(count)s more", "Show %(count)s more", Math.min(hidden, MORE_ROWS))}{" "}
          <span>{_("of %(count)s", { count: formatNumber(hidden) })}</span>
        </button>
      )}
    </>
  );
}
