import type { UploaderError } from "s3-file-uploader-client";
import { _, formatBytes, ngettext } from "../text.ts";
import type { Item } from "./item.ts";
import type { Refusal } from "./limits.ts";
import { splitPath } from "./names.ts";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const SHOWN_TYPES = 6;

/** Return a duration, such as `2 minutes`. */
function formatSeconds(seconds: number): string {
  if (seconds < MINUTE) return ngettext("%(count)s second", "%(count)s seconds", seconds);
  const minutes = Math.round(seconds / MINUTE);
  if (seconds < HOUR) return ngettext("%(count)s minute", "%(count)s minutes", minutes);
  const hours = ngettext("%(count)s hour", "%(count)s hours", Math.floor(minutes / MINUTE));
  const rest = minutes % MINUTE;
  return rest ? `${hours} ${ngettext("%(count)s minute", "%(count)s minutes", rest)}` : hours;
}

/** Return the time left in words; an empty string if it is not known. */
export function timeLeft(seconds: number | undefined): string {
  return seconds === undefined ? "" : _("%(time)s left", { time: formatSeconds(seconds) });
}

/** Return a speed, such as `3.4 MB/s`; an empty string if it is not known. */
export function speed(rate: number | undefined): string {
  return rate === undefined ? "" : _("%(size)s/s", { size: formatBytes(rate) });
}

/** Join facts, without the empty ones. */
export function facts(...texts: readonly string[]): string {
  return texts.filter(Boolean).join(" · ");
}

/** Return how much of a file is sent. */
export function sent(sentBytes: number, totalBytes: number): string {
  return _("%(sent)s of %(total)s", { sent: formatBytes(sentBytes), total: formatBytes(totalBytes) });
}

/** Return what a file waits for, or how far it is, in words. */
export function describe(item: Item, { isHeld, isSignedOut, secondsLeft }: Situation): string {
  const { problem, record, refusal, sentBytes, size, stage, task } = item;
  if (isSignedOut && item.isUnderway) return facts(_("Waiting until you sign in again"), sent(sentBytes, size));
  switch (stage) {
    case "queued":
      return facts(isHeld ? _("Paused") : _("Queued"), formatBytes(size));
    case "preparing":
      return facts(_("Starting"), formatBytes(size));
    case "uploading":
      return facts(sent(sentBytes, size), speed(item.rate), timeLeft(secondsLeft));
    case "waiting":
      return navigator.onLine
        ? facts(_("Retrying automatically: %(reason)s", { reason: explain(task?.error) }), sent(sentBytes, size))
        : facts(_("No connection: continues automatically"), sent(sentBytes, size));
    case "completing":
      return facts(_("The service checks the file"), formatBytes(size));
    case "paused":
      return facts(_("Paused"), sent(sentBytes, size));
    case "failed":
    case "misnamed":
      return explain(task?.error);
    case "unreadable":
      return _("The file was moved, changed or deleted. Choose it again to send it anew.");
    case "refused":
      return refusal ? explainRefusal(refusal, size) : "";
    case "interrupted":
      return describeInterrupted(item);
    case "scanning":
      return facts(_("Stored, waiting for the malware scan"), record?.status_reason ?? "");
    case "rejected":
      return facts(_("A malware scanner rejected the file, and it was removed"), reasonOfScanner(item));
    case "unreplaced":
      return _("Stored, but the earlier file is still there: %(reason)s", { reason: problem?.message ?? "" });
    default:
      return facts(_("Stored"), formatBytes(size));
  }
}

/** The facts besides the file on which the words of a row depend. */
export interface Situation {
  isHeld: boolean;
  isSignedOut: boolean;
  secondsLeft: number | undefined;
}

/** Return what the scanners said; they answer at once, or later in the record. */
export function reasonOfScanner({ record, task }: Item): string {
  return record?.status_reason ?? task?.error?.message ?? "";
}

function describeInterrupted({ path, problem, size, source }: Item): string {
  const { name } = splitPath(path);
  if (source) return facts(_("Interrupted: continue, and allow your browser to read the file"), formatBytes(size));
  const hint = _("Choose %(name)s again to continue", { name });
  return facts(problem ? `${problem.message} ${hint}` : hint, formatBytes(size));
}

/** Return an error in words. The service's own message says what to do next. */
export function explain(error: UploaderError | undefined): string {
  if (!error) return "";
  const { code, limit, message } = error;
  switch (code) {
    case "connection_lost":
      return _("The connection failed for too long. Try again.");
    case "quota_exceeded":
      return explainQuota(limit);
    case "file_too_large":
      return typeof limit?.max_file_bytes === "number"
        ? _("Too large: a file may have up to %(size)s.", { size: formatBytes(limit.max_file_bytes) })
        : message;
    case "file_exists":
      return _("A file of this name is there already. Give the new one another name.");
    case "content_type_mismatch":
      return _("The content is not what the ending of the name promises. Rename the file, or check it.");
    case "journal_failed":
      return _("Your browser has no room to remember the upload. Free space, or leave private mode.");
    default:
      return message;
  }
}

function explainQuota(limit: UploaderError["limit"]): string {
  const { bytes, quota_bytes: most, quota_files: mostFiles } = limit ?? {};
  if (typeof most === "number" && typeof bytes === "number") {
    const size = formatBytes(Math.max(0, most - bytes));
    return _("Not enough room: %(size)s of your %(quota)s are left.", { size, quota: formatBytes(most) });
  }
  if (typeof mostFiles === "number") return tooMany(mostFiles);
  return _("Your quota in this bucket is full. Delete files first.");
}

function tooMany(files: number): string {
  return ngettext("You may have one file in this bucket.", "You may have %(count)s files in this bucket.", files);
}

/** Return the reason for which the limits refuse a file. */
export function explainRefusal(refusal: Refusal, size: number): string {
  switch (refusal.reason) {
    case "too_large":
      return _("Too large with %(size)s: a file may have up to %(largest)s.", {
        size: formatBytes(size),
        largest: formatBytes(refusal.largest),
      });
    case "ending":
      return _("Names have to end with %(endings)s here.", { endings: listEndings(refusal.endings) });
    case "type":
      return _("Files of type %(type)s are not allowed here, but %(types)s.", {
        type: refusal.type,
        types: listTypes(refusal.types),
      });
    case "no_room":
      return _("Not enough room for %(size)s: %(left)s are left.", {
        size: formatBytes(size),
        left: formatBytes(refusal.bytesLeft),
      });
    case "too_many":
      return tooMany(refusal.files);
  }
}

/** Return endings as people write them: `.jpg, .png`. */
export function listEndings(endings: readonly string[]): string {
  return shorten(endings.map((ending) => (ending ? `.${ending}` : _("no ending"))));
}

/** Return media types as people call them. */
export function listTypes(types: readonly string[]): string {
  const groups: Record<string, string> = {
    "image/*": _("images"),
    "video/*": _("videos"),
    "audio/*": _("audio"),
    "text/*": _("text"),
    "application/pdf": "PDF",
  };
  return shorten(types.map((type) => groups[type] ?? type));
}

function shorten(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN_TYPES).join(", ");
  return names.length > SHOWN_TYPES ? `${shown}, …` : shown;
}
