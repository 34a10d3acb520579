import { useEffect, useState } from "preact/hooks";
import { Icon } from "../icons.tsx";
import { _ } from "../text.ts";
import { reasonOf } from "../toasts.tsx";
import { statusLabel, statusReason } from "./cell.tsx";
import { download } from "./download.ts";
import { iconOf, kindOf, previewOf, type Preview as Way } from "./kinds.ts";
import type { FileRecord } from "./source.ts";
import { showUrl } from "./urls.ts";

const TEXT_BYTES = 200_000;

/** The file itself, as far as browsers can show it. */
export function Preview({ record }: { record: FileRecord }) {
  const way = previewOf(record);
  const [url, setUrl] = useState("");
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let isGone = false;
    setUrl("");
    setProblem("");
    if (record.status !== "stored" || !way) return;
    showUrl(record).then(
      (text) => isGone || setUrl(text),
      (error: unknown) => isGone || setProblem(reasonOf(error)),
    );
    return () => {
      isGone = true;
    };
  }, [record.id]);
  if (record.status !== "stored")
    return <Placeholder record={record} text={statusReason(record) || statusLabel(record)} />;
  if (problem) return <Placeholder record={record} text={problem} />;
  if (!way) return <Placeholder record={record} text={_("Browsers cannot show files of this type.")} isSaveable />;
  if (!url) return <p class="quiet centred">{_("Loading…")}</p>;
  const fail = () =>
    setProblem(_("The file cannot be shown. It may be damaged, or of another type than its name says."));
  return <Shown way={way} url={url} record={record} onError={fail} />;
}

function Shown({ way, url, record, onError }: { way: Way; url: string; record: FileRecord; onError: () => void }) {
  const name = record.path.split("/").at(-1) ?? "";
  if (way === "image") return <img class="preview-image" src={url} alt={name} onError={onError} />;
  if (way === "video") {
    return (
      <video
        class="preview-video"
        src={url}
        controls
        playsInline
        preload="metadata"
        aria-label={name}
        onError={onError}
      />
    );
  }
  if (way === "audio") return <audio class="preview-audio" src={url} controls aria-label={name} onError={onError} />;
  if (way === "text") return <Text url={url} name={name} size={record.size ?? 0} />;
  if (!navigator.pdfViewerEnabled) {
    return (
      <p class="centred">
        <a class="button button-primary" href={url} target="_blank" rel="noreferrer">
          {_("Open the PDF in a new tab")}
        </a>
      </p>
    );
  }
  return <iframe class="preview-pdf" src={url} title={name} />;
}

function Text({ url, name, size }: { url: string; name: string; size: number }) {
  const [text, setText] = useState<string | undefined>(undefined);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const aborting = new AbortController();
    setText(undefined);
    read(url, aborting.signal).then(setText, (error: unknown) => {
      if (!aborting.signal.aborted) setProblem(reasonOf(error));
    });
    return () => aborting.abort();
  }, [url]);
  if (problem) return <p class="error centred">{problem}</p>;
  if (text === undefined) return <p class="quiet centred">{_("Loading…")}</p>;
  if (!text) return <p class="quiet centred">{_("The file is empty.")}</p>;
  return (
    <div class="preview-text">
      <pre tabIndex={0} aria-label={name} dir="auto">
        {text}
      </pre>
      {size > TEXT_BYTES && <p class="quiet">{_("This is the beginning. Download the file to see the rest.")}</p>}
    </div>
  );
}

async function read(url: string, signal: AbortSignal): Promise<string> {
  // A store may ignore the range and send the whole file: reading stops where the range would have.
  const response = await fetch(url, { signal, headers: { Range: `bytes=0-${TEXT_BYTES - 1}` } });
  if (!response.ok && response.status !== 416) throw new Error(_("The file cannot be loaded."));
  const reader = response.ok ? response.body?.getReader() : undefined;
  const decoder = new TextDecoder();
  let text = "";
  for (let length = 0; reader && length < TEXT_BYTES;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value.subarray(0, TEXT_BYTES - length), { stream: true });
    length += value.length;
  }
  await reader?.cancel();
  return text;
}

function Placeholder({ record, text, isSaveable = false }: { record: FileRecord; text: string; isSaveable?: boolean }) {
  return (
    <div class="placeholder">
      <Icon name={iconOf(kindOf(record.content_type))} size={64} />
      <p>{text}</p>
      {isSaveable && (
        <button type="button" class="button button-primary" onClick={() => void download([record])}>
          <Icon name="download" size={18} />
          {_("Download")}
        </button>
      )}
    </div>
  );
}
