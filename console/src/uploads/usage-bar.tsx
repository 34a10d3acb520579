import type { Usage } from "s3-file-uploader-client";
import { _, formatBytes, formatNumber } from "../text.ts";
import { usage } from "./usage.ts";
import { facts, listEndings, listTypes } from "./words.ts";

const ALMOST_FULL = 0.9;

/** Limits and quota of the open bucket; it stands above the files. */
export function UsageBar() {
  const limits = usage.value;
  if (!limits) return null;
  const { bytes, files, quota_bytes: mostBytes, quota_files: mostFiles } = limits;
  const rules = describeRules();
  return (
    <div class="usage">
      <Meter label={_("Space used")} used={bytes} most={mostBytes} words={describeSpace(limits)} />
      {mostFiles !== null && (
        <Meter
          label={_("Files used")}
          used={files}
          most={mostFiles}
          words={_("%(used)s of %(total)s files", { used: formatNumber(files), total: formatNumber(mostFiles) })}
        />
      )}
      {rules && <p class="usage-rules">{rules}</p>}
    </div>
  );
}

/** Return how much of the quota is used. */
export function describeSpace({ bytes, quota_bytes: most }: Usage): string {
  const used = formatBytes(bytes);
  return most === null
    ? _("You use %(used)s", { used })
    : _("You use %(used)s of %(total)s", { used, total: formatBytes(most) });
}

interface Measured {
  label: string;
  used: number;
  most: number | null;
  words: string;
}

function Meter({ label, used, most, words }: Measured) {
  return (
    <p class="usage-meter">
      {most !== null && (
        <meter aria-label={label} min={0} max={Math.max(1, most)} high={most * ALMOST_FULL} optimum={0} value={used} />
      )}
      <span>{words}</span>
    </p>
  );
}

/** Return the limits of a file in words; an empty string if there are none. */
export function describeRules(): string {
  const { content_types: types, extensions: endings, max_file_bytes: largest } = usage.value ?? {};
  return facts(
    largest ? _("Files up to %(size)s", { size: formatBytes(largest) }) : "",
    types ? _("Only %(types)s", { types: listTypes(types) }) : "",
    endings ? _("Names with %(endings)s", { endings: listEndings(endings) }) : "",
  );
}
