import { useState } from "react";
import { Linking } from "react-native";
import type { ListedFile } from "s3-file-uploader-client";
import type { Shared } from "./actions";
import { shareLink } from "./device";
import { Row } from "./ui";
import { formatBytes } from "./words";

const WHEN = { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" } as const;
const SHARED_SECONDS = 7 * 24 * 3600;

export function FileRow({
  client,
  bucket,
  file,
  attempt,
  onDeleted,
}: Shared & { file: ListedFile; onDeleted: () => void }) {
  const [isAsked, setIsAsked] = useState(false);
  const { changed_at, file_name, size } = file;
  const open = async () => {
    const { url } = await client.downloadUrl(bucket, file_name, { disposition: "inline" });
    await Linking.openURL(url);
  };
  const share = async () => shareLink((await client.share(bucket, file_name, { expiresIn: SHARED_SECONDS })).url);
  const remove = async () => {
    await client.delete(bucket, file_name);
    onDeleted();
  };
  const usual = { Open: () => attempt(open), Share: () => attempt(share), Delete: () => setIsAsked(true) };
  const asked = { Keep: () => setIsAsked(false), "Delete for good": () => attempt(remove) };
  const when = new Date(changed_at).toLocaleString(undefined, WHEN);
  const note = isAsked ? "It cannot be restored." : `${formatBytes(size)} · ${when}`;
  const name = file_name.slice(file_name.lastIndexOf("/") + 1);
  return <Row name={name} note={note} isBad={isAsked} actions={isAsked ? asked : usual} />;
}
