import { client } from "../session.ts";
import type { FileRecord } from "./source.ts";

const LIFE_SECONDS = 3600;
const MARGIN_SECONDS = 600;
const known = new Map<string, { url: Promise<string>; until: number }>();

/** Return a URL of a file to show; the same one for a while, so that browsers keep what they have loaded. */
export function showUrl(record: FileRecord): Promise<string> {
  const earlier = known.get(record.id);
  if (earlier && earlier.until > Date.now()) return earlier.url;
  const url = sign(record, "inline");
  known.set(record.id, { url, until: Date.now() + (LIFE_SECONDS - MARGIN_SECONDS) * 1000 });
  url.catch(() => known.delete(record.id));
  return url;
}

/** Return a URL from which browsers save a file. */
export function saveUrl(record: FileRecord): Promise<string> {
  return sign(record, "attachment");
}

async function sign({ bucket, file_name }: FileRecord, disposition: "inline" | "attachment"): Promise<string> {
  return (await client.downloadUrl(bucket, file_name, { disposition, expiresIn: LIFE_SECONDS })).url;
}
