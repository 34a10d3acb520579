import { useEffect, useRef, useState } from "preact/hooks";
import { askToDelete } from "../files/ask.ts";
import { statusLabel, statusReason } from "../files/cell.tsx";
import type { FileRecord } from "../files/source.ts";
import { hidden } from "../listing.ts";
import { openFile } from "../location.ts";
import { client } from "../session.ts";
import { Message } from "../shell/message.tsx";
import { _, formatBytes, formatTime } from "../text.ts";
import { showError } from "../toasts.tsx";
import { ownerName } from "./owners.ts";

type Status = "quarantined" | "rejected";

/** Files of all users and buckets that a scanner holds or has rejected, newest first. */
export function AttentionView() {
  const [status, setStatus] = useState<Status>("quarantined");
  useEffect(() => {
    document.title = `${_("Quarantine")} – ${_("Files")}`;
  }, []);
  return (
    <>
      <h1>{_("Quarantine")}</h1>
      <p class="quiet">{_("Users can read a file only once the scanners have found it clean.")}</p>
      <div class="toolbar">
        <div class="switch" role="group" aria-label={_("Status")}>
          {(["quarantined", "rejected"] as const).map((each) => (
            <button
              key={each}
              type="button"
              class="button"
              aria-pressed={status === each}
              onClick={() => setStatus(each)}
            >
              {statusLabel({ status: each })}
            </button>
          ))}
        </div>
      </div>
      <Held status={status} key={status} />
    </>
  );
}

function Held({ status }: { status: Status }) {
  const [records, setRecords] = useState<readonly FileRecord[] | undefined>(undefined);
  const [hasMore, setMore] = useState(false);
  const pages = useRef(client.records({ status }));
  const load = () =>
    pages.current.page().then((page) => {
      setRecords((earlier) => [...(earlier ?? []), ...(page?.items ?? [])]);
      setMore(page !== null && !page.isLast);
    }, showError);
  useEffect(() => void load(), []);
  if (!records) return <p class="quiet">{_("Loading…")}</p>;
  const shown = records.filter(({ id }) => !hidden.value.has(id));
  if (!shown.length) {
    return (
      <Message icon="check" title={_("Nothing is waiting")}>
        <p>{_("No file has this status.")}</p>
      </Message>
    );
  }
  return (
    <>
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">{_("File")}</th>
            <th scope="col" class="cell-minor">
              {_("Owner")}
            </th>
            <th scope="col">{_("Reason")}</th>
            <th scope="col">
              <span class="visually-hidden">{_("Actions")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((record) => (
            <tr key={record.id}>
              <th scope="row">
                <button type="button" class="button-link" dir="auto" onClick={() => openFile(record.id)}>
                  {record.path}
                </button>
                <span class="hint">
                  {record.bucket} · <span class="only-narrow">{ownerName(record.user_id)} · </span>
                  {formatBytes(record.size ?? 0)} · {formatTime(record.created_at)}
                </span>
              </th>
              <td class="cell-minor">{ownerName(record.user_id)}</td>
              <td>{statusReason(record)}</td>
              <td class="cell-action">
                <button
                  type="button"
                  class="button button-small"
                  aria-label={_("Delete %(name)s", { name: record.path })}
                  onClick={() => void askToDelete([{ kind: "file", key: record.id, name: record.path, record }])}
                >
                  {_("Delete")}
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {hasMore && (
        <button type="button" class="button" onClick={() => void load()}>
          {_("Show more")}
        </button>
      )}
    </>
  );
}
