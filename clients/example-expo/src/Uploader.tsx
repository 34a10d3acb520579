import { useEffect, useState } from "react";
import { View } from "react-native";
import { useUploads } from "s3-file-uploader-client/react";
import { Bucket } from "./Bucket";
import { connect, type Session } from "./session";
import { useTheme } from "./theme";
import { Button, Line, Notice, Words } from "./ui";
import { describeError } from "./words";

const ENDED = "Your session has ended. Sign in again: your uploads go on where they stopped.";
const NO_BUCKET = "There is no bucket yet. Ask the staff of the service to create one.";

/** The one screen. It shows the first bucket that the user may use. */
export function Uploader({ session, onEnd }: { session: Session; onEnd: (reason?: string) => void }) {
  const theme = useTheme();
  const [client] = useState(() => connect(session, () => onEnd(ENDED)));
  const { pause } = useUploads(client);
  const [bucket, setBucket] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const load = () => {
    setProblem(undefined);
    client.buckets().then(
      ([first]) => (first ? setBucket(first.name) : setProblem(NO_BUCKET)),
      (error: unknown) => setProblem(describeError(error)),
    );
  };
  useEffect(load, [client]);
  const signOut = () => {
    pause();
    onEnd();
  };
  const header = (
    <Line>
      <View style={{ flex: 1 }}>
        <Words role="heading" aria-level={1} size={28} bold>
          Uploads
        </Words>
        <Words color={theme.soft}>{session.user}</Words>
      </View>
      <Button title="Sign out" onPress={signOut} />
    </Line>
  );
  if (bucket) return <Bucket client={client} bucket={bucket} header={header} />;
  return (
    <View role="main" style={{ padding: 16, gap: 16 }}>
      {header}
      {problem && <Notice text={problem} isBad action="Try again" onPress={load} />}
    </View>
  );
}
