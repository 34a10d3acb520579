import { useEffect, useState } from "preact/hooks";
import { Icon } from "../icons.tsx";
import { page } from "../page.ts";
import { Message } from "../shell/message.tsx";
import { _, formatNumber } from "../text.ts";
import { reasonOf } from "../toasts.tsx";

interface Report {
  /** False if the time was over before the end: then the counts are lower bounds. */
  is_whole: boolean;
  counts: Record<string, number>;
}

function labels(): [string, string][] {
  return [
    ["uploads_completed", _("Uploads that arrived, to be completed")],
    ["uploads_too_large", _("Uploads beyond their limit, to be removed")],
    ["records_settled", _("Uploads that crashes interrupted, to be finished or undone")],
    ["records_left", _("Uploads that have to wait for a later run")],
    ["multipart_uploads_aborted", _("Parts in S3 of uploads that are over, to be removed")],
    ["multipart_uploads_unexplained", _("Parts in S3 that other programs may have made, to be kept")],
    ["buckets_left", _("Buckets that could not be searched")],
    ["unattached_removed", _("Uploads to which nothing refers, to be removed")],
    ["attachments_mended", _("References to files, to be mended")],
    ["rolled_back_files_removed", _("Files of transactions that were rolled back, to be removed")],
    ["partial_files_removed", _("Partial copies on this server, to be removed")],
    ["saved_copies_removed", _("Old copies on this server, to be removed")],
    ["share_links_forgotten", _("Expired share links, to be forgotten")],
    ["upload_tokens_forgotten", _("Expired upload tokens, to be forgotten")],
    ["idempotency_keys_forgotten", _("Old idempotency keys, to be forgotten")],
    ["audit_events_forgotten", _("Old audit events, to be forgotten")],
  ];
}

/** The dry run of housekeeping. The page changes nothing. */
export function HousekeepingView() {
  const [report, setReport] = useState<Report | undefined>(undefined);
  const [error, setError] = useState("");
  const load = async () => {
    setReport(undefined);
    setError("");
    try {
      const response = await fetch(page.urls.housekeeping, { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(_("The server cannot say it at the moment."));
      setReport((await response.json()) as Report);
    } catch (cause) {
      setError(reasonOf(cause));
    }
  };
  useEffect(() => {
    document.title = `${_("Housekeeping")} – ${_("Files")}`;
    void load();
  }, []);
  return (
    <>
      <h1>{_("Housekeeping")}</h1>
      <p class="quiet">{_("This is what manage.py s3_housekeeping would do now. This page changes nothing.")}</p>
      {error && (
        <Message icon="warning" title={error} isAlert>
          <button type="button" class="button" onClick={() => void load()}>
            <Icon name="refresh" size={18} />
            {_("Try again")}
          </button>
        </Message>
      )}
      {!report && !error && <p class="quiet">{_("Loading…")}</p>}
      {report && <Counts report={report} />}
    </>
  );
}

function Counts({ report }: { report: Report }) {
  const all = labels().map(([name, label]) => [label, report.counts[name] ?? 0] as const);
  const isTidy = report.is_whole && all.every(([, count]) => count === 0);
  return (
    <>
      {isTidy && <p class="notice">{_("Everything is tidy: there is nothing to do.")}</p>}
      {!report.is_whole && (
        <p class="notice">{_("There is too much to count it all here. Run the command to see the rest.")}</p>
      )}
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">{_("Kind")}</th>
            <th scope="col" class="cell-number">
              {_("Count")}
            </th>
          </tr>
        </thead>
        <tbody>
          {all.map(([label, count]) => (
            <tr key={label} class={count ? "is-strong" : ""}>
              <th scope="row">{label}</th>
              <td class="cell-number">
                {formatNumber(count)}
                {!report.is_whole && "+"}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
