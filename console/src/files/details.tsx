import type { ComponentChildren } from "preact";
import { user } from "../session.ts";
import { ownerName } from "../staff/owners.ts";
import { _, formatBytes, formatTime, ngettext } from "../text.ts";
import { statusLabel, statusReason } from "./cell.tsx";
import type { FileRecord } from "./source.ts";

/** The facts about a file. */
export function Details({ record }: { record: FileRecord }) {
  const folder = record.path.slice(0, record.path.lastIndexOf("/") + 1);
  const reason = statusReason(record);
  const exact = ngettext("%(count)s byte", "%(count)s bytes", record.size ?? 0);
  return (
    <aside class="details" aria-label={_("Details")} tabIndex={0}>
      <dl>
        <Fact label={_("Status")}>
          {statusLabel(record)}
          {reason && <p class="quiet">{reason}</p>}
        </Fact>
        <Fact label={_("Size")}>
          {formatBytes(record.size ?? 0)}
          {(record.size ?? 0) >= 1000 && <span class="hint"> {exact}</span>}
        </Fact>
        <Fact label={_("Type")}>{record.content_type}</Fact>
        <Fact label={_("Folder")}>
          <span dir="auto">{folder ? `${record.bucket}/${folder}` : record.bucket}</span>
        </Fact>
        {user.value.isStaff && <Fact label={_("Owner")}>{ownerName(record.user_id)}</Fact>}
        {record.completed_at && <Fact label={_("Stored")}>{formatTime(record.completed_at)}</Fact>}
        <Fact label={_("Upload began")}>{formatTime(record.created_at)}</Fact>
        {record.checksum_sha256 && (
          <Fact label="SHA-256">
            <code dir="ltr">{record.checksum_sha256}</code>
          </Fact>
        )}
        <Fact label={_("Key in S3")}>
          <code dir="ltr">{record.file_name}</code>
        </Fact>
      </dl>
    </aside>
  );
}

function Fact({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
