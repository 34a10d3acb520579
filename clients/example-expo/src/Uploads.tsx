import { useEffect } from "react";
import { useUploads } from "s3-file-uploader-client/react";
import { actionsOf, actionsOfPending, type Shared } from "./actions";
import { pickFiles, pickMedia } from "./pick";
import { useTheme } from "./theme";
import { Button, Line, Row, Words } from "./ui";
import { describePending, describeUpload } from "./words";

const ACTIVE = ["preparing", "uploading", "waiting", "completing"];

/** Choose files, and follow their uploads until the list of files shows them. */
export function Uploads({ client, bucket, attempt, onStored }: Shared & { onStored: () => Promise<void> }) {
  const theme = useTheme();
  const { add, clear, pause, pending, resume, uploads } = useUploads(client);
  const stored = uploads.filter(({ state }) => state === "stored").map(({ key }) => key);
  const newest = stored.join();
  useEffect(() => void (newest && onStored()), [newest, onStored]);
  // A phone finds the files of an earlier run by their addresses. A browser has to ask for them.
  useEffect(() => pending.filter(({ uri }) => uri).forEach((left) => left.resume()), [pending]);
  const shown = uploads.filter(({ state }) => state !== "stored" && state !== "cancelled");
  const isActive = shown.some(({ state }) => ACTIVE.includes(state));
  const choose = async (pick: () => Promise<unknown[]>) => {
    const files = await pick();
    if (!shown.length) clear();
    add(files, { bucket });
  };
  return (
    <>
      <Line>
        <Button title="Photos and videos" kind="primary" grows onPress={() => attempt(() => choose(pickMedia))} />
        <Button title="Files" kind="primary" grows onPress={() => attempt(() => choose(pickFiles))} />
      </Line>
      <Line>
        <Words role="status" color={theme.soft} style={{ flex: 1 }}>
          {uploads.length > 0 && `${stored.length} of ${stored.length + shown.length} stored`}
        </Words>
        {shown.length > 1 && (
          <Button {...(isActive ? { title: "Pause all", onPress: pause } : { title: "Resume all", onPress: resume })} />
        )}
      </Line>
      {pending.map((left) => (
        <Row key={left.key} {...describePending(left)} actions={actionsOfPending(left, attempt)} />
      ))}
      {shown.map((upload) => (
        <Row key={upload.key} {...describeUpload(upload)} actions={actionsOf(upload, attempt)} />
      ))}
    </>
  );
}
