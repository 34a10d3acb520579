import { effect } from "@preact/signals";
import { announce } from "../live.tsx";
import { _, formatNumber, ngettext } from "../text.ts";
import { groups, totals } from "./board.ts";
import type { Item } from "./item.ts";
import { splitPath } from "./names.ts";
import { explain, facts, reasonOfScanner, timeLeft } from "./words.ts";

const PROGRESS_SECONDS = 20;
const PERCENT = 100;

/** Tell screen readers how uploads go: failures as they come, progress now and then, and the end. */
export function speakProgress(): () => void {
  let known = new Set<Item>();
  let wasUnderway = false;
  let spokenAt = 0;
  return effect(() => {
    const { storedFiles, underway } = totals.value;
    const attention = groups.attention.value.filter(({ stage }) => stage !== "refused" && stage !== "interrupted");
    const fresh = attention.filter((item) => !known.has(item));
    known = new Set(attention);
    const isOver = wasUnderway && !underway && !groups.active.value.some(({ stage }) => stage === "queued");
    if (!wasUnderway) spokenAt = Date.now();
    wasUnderway = underway > 0;
    const sentences = [describeProblems(fresh)];
    if (isOver && storedFiles) {
      sentences.push(ngettext("%(count)s file uploaded.", "%(count)s files uploaded.", storedFiles));
    }
    if (underway && Date.now() - spokenAt > PROGRESS_SECONDS * 1000) sentences.push(describeProgress());
    const text = sentences.filter(Boolean).join(" ");
    if (!text) return;
    spokenAt = Date.now();
    announce(text);
  });
}

function describeProblems(items: readonly Item[]): string {
  const [item] = items;
  if (!item) return "";
  if (items.length > 1) return ngettext("%(count)s file failed.", "%(count)s files failed.", items.length);
  const reason =
    item.stage === "rejected" ? reasonOfScanner(item) : (item.problem?.message ?? explain(item.task?.error));
  return _("%(name)s failed: %(reason)s", { name: splitPath(item.path).name, reason });
}

function describeProgress(): string {
  const { secondsLeft, sentBytes, totalBytes } = totals.value;
  return facts(`${formatNumber(Math.floor((PERCENT * sentBytes) / Math.max(1, totalBytes)))} %`, timeLeft(secondsLeft));
}
