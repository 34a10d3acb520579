import { useEffect, useRef, useState } from "preact/hooks";
import type { ShareLink } from "s3-file-uploader-client";
import { Dialog } from "../dialogs/dialog.tsx";
import { Icon } from "../icons.tsx";
import { announce } from "../live.tsx";
import { page } from "../page.ts";
import { client } from "../session.ts";
import { _, formatFromNow, formatTime, ngettext } from "../text.ts";
import { reasonOf } from "../toasts.tsx";
import { shared } from "./shared.ts";
import type { FileRecord } from "./source.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;

/** The dialog, if it is open. */
export function ShareDialog() {
  const record = shared.value;
  if (!record) return null;
  const name = record.path.split("/").at(-1) ?? "";
  return (
    <Dialog
      title={_("Share %(name)s", { name })}
      onClose={() => (shared.value = undefined)}
      key={record.id}
      class="dialog-wide"
    >
      <Links record={record} />
    </Dialog>
  );
}

function lives(): [number, string][] {
  const all: [number, string][] = [
    [HOUR, _("1 hour")],
    [DAY, _("1 day")],
    [7 * DAY, _("7 days")],
    [30 * DAY, _("30 days")],
  ];
  return all.filter(([seconds]) => seconds <= page.shareMaxSeconds);
}

function Links({ record }: { record: FileRecord }) {
  const [url, setUrl] = useState("");
  const [links, setLinks] = useState<ShareLink[] | undefined>(undefined);
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const load = () =>
    client
      .shares({ bucket: record.bucket, fileName: record.file_name })
      .all()
      .then((all) => setLinks(all.filter(isAlive)))
      .catch((cause: unknown) => setError(reasonOf(cause)));
  useEffect(() => void load(), []);
  const create = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const count = Number(form.get("count"));
    const life = Number(form.get("life"));
    setBusy(true);
    setError("");
    try {
      const options = { ...(life ? { expiresIn: life } : {}), ...(count ? { maxDownloads: count } : {}) };
      const link = await client.share(record.bucket, record.file_name, options);
      setUrl(link.url);
      await copy(link.url);
    } catch (cause) {
      setError(reasonOf(cause));
    }
    setBusy(false);
    await load();
  };
  const revoke = async (link: ShareLink) => {
    try {
      await client.revokeShare(link.id);
      announce(_("The link is revoked."));
      setUrl("");
    } catch (cause) {
      setError(reasonOf(cause));
    }
    await load();
  };
  return (
    <>
      <p class="quiet">{_("The link works without an account, until it expires or you revoke it.")}</p>
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <form class="share-form" onSubmit={(event) => void create(event)}>
        <p class="field">
          <label for="share-life">{_("Expires after")}</label>
          <select id="share-life" name="life">
            {lives().map(([seconds, label]) => (
              <option key={seconds} value={seconds} selected={seconds === 7 * DAY}>
                {label}
              </option>
            ))}
          </select>
        </p>
        <p class="field">
          <label for="share-count">{_("Downloads at most")}</label>
          <input id="share-count" name="count" type="number" min="1" max="1000000" placeholder={_("No limit")} />
        </p>
        <button type="submit" class="button button-primary" disabled={isBusy} autoFocus>
          <Icon name="link" size={18} />
          {_("Create and copy link")}
        </button>
      </form>
      {url && <NewLink url={url} />}
      <h3>{_("Links to this file")}</h3>
      {links === undefined && <p class="quiet">{_("Loading…")}</p>}
      {links?.length === 0 && <p class="quiet">{_("There are no links.")}</p>}
      <ul class="links">
        {links?.map((link) => (
          <li key={link.id}>
            <span>
              {countOf(link)}
              <span class="hint" title={formatTime(link.expires_at)}>
                {_("expires %(time)s", { time: formatFromNow(link.expires_at) })}
              </span>
            </span>
            <button
              type="button"
              class="button button-small"
              aria-label={_("Revoke the link that expires %(time)s", { time: formatTime(link.expires_at) })}
              onClick={() => void revoke(link)}
            >
              {_("Revoke")}
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

function countOf({ downloads, max_downloads: limit }: ShareLink): string {
  return limit === null
    ? ngettext("%(count)s download", "%(count)s downloads", downloads)
    : ngettext("%(count)s of %(limit)s download", "%(count)s of %(limit)s downloads", downloads, { limit });
}

function NewLink({ url }: { url: string }) {
  const ref = useRef<HTMLInputElement>(null);
  useEffect(() => ref.current?.select(), [url]);
  return (
    <p class="new-link">
      <input ref={ref} readOnly value={url} aria-label={_("New link")} dir="ltr" />
      <button type="button" class="button" onClick={() => void copy(url)}>
        <Icon name="copy" size={18} />
        {_("Copy")}
      </button>
      <span class="hint">{_("Copy it now: the link is shown only once.")}</span>
    </p>
  );
}

function isAlive({ expires_at, revoked_at, downloads, max_downloads }: ShareLink): boolean {
  return (
    revoked_at === null && Date.parse(expires_at) > Date.now() && (max_downloads === null || downloads < max_downloads)
  );
}

/** Browsers allow it after a click, on https and on localhost; the field with the link is there in any case. */
async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    announce(_("The link is copied."));
  } catch {
    announce(_("The link is ready to be copied."));
  }
}
