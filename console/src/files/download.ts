import { announce } from "../live.tsx";
import { _, ngettext } from "../text.ts";
import { showError, showToast } from "../toasts.tsx";
import type { FileRecord } from "./source.ts";
import { saveUrl } from "./urls.ts";

/** Browsers drop downloads that follow each other faster. */
const PAUSE_MILLISECONDS = 400;

/** Save files, one after the other. */
export async function download(records: readonly FileRecord[]): Promise<void> {
  const stored = records.filter(({ status }) => status === "stored");
  if (stored.length < records.length) {
    const text = _("Files in quarantine and rejected files cannot be downloaded.");
    showToast({ text, tone: "error" });
  }
  for (const [index, record] of stored.entries()) {
    if (index) await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS));
    try {
      const link = document.createElement("a");
      link.href = await saveUrl(record);
      link.rel = "noreferrer";
      link.download = "";
      link.click();
    } catch (error) {
      showError(error, record.path);
      return;
    }
  }
  if (stored.length) announce(ngettext("The download starts.", "%(count)s downloads start.", stored.length));
}
