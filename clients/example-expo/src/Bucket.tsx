import { FlatList, ScrollView, useWindowDimensions, View } from "react-native";
import type { Client } from "s3-file-uploader-client";
import { useFiles } from "s3-file-uploader-client/react";
import { useAttempt } from "./actions";
import { FileRow } from "./FileRow";
import { useTheme } from "./theme";
import { Notice, Words } from "./ui";
import { Uploads } from "./Uploads";
import { describeError } from "./words";

const TABLET_WIDTH = 768;
const BOTTOM = { position: "absolute", bottom: 16, left: 16, right: 16, maxWidth: 528 } as const;
const EMPTY = "Nothing here yet. Choose your first file.";

/** Uploads above the stored files, or beside them where there is room. */
export function Bucket({ client, bucket, header }: { client: Client; bucket: string; header: React.ReactNode }) {
  const theme = useTheme();
  const isWide = useWindowDimensions().width >= TABLET_WIDTH;
  const { error, files, isLoading, more, refresh } = useFiles(client, bucket);
  const { attempt, notice, dismiss } = useAttempt();
  const newest = [...files].sort((one, other) => other.changed_at.localeCompare(one.changed_at));
  const page = { padding: isWide ? 24 : 16, gap: 12 };
  const uploads = (
    <>
      {header}
      <Uploads client={client} bucket={bucket} attempt={attempt} onStored={refresh} />
    </>
  );
  return (
    <View role="main" style={{ flex: 1, flexDirection: "row", justifyContent: "center" }}>
      {isWide && (
        <ScrollView style={{ flex: 1, maxWidth: 560 }} contentContainerStyle={page}>
          {uploads}
        </ScrollView>
      )}
      <FlatList
        style={{ flex: 1, maxWidth: 640 }}
        contentContainerStyle={page}
        data={newest}
        keyExtractor={({ file_name }) => file_name}
        renderItem={({ item }) => <FileRow {...{ client, bucket, attempt }} file={item} onDeleted={refresh} />}
        ListHeaderComponent={
          <View style={{ gap: 12 }}>
            {!isWide && uploads}
            <Words role="heading" aria-level={2} size={20} bold style={{ marginTop: 12 }}>
              Stored files
            </Words>
            {error && <Notice text={describeError(error)} isBad action="Try again" onPress={refresh} />}
          </View>
        }
        ListEmptyComponent={<Words color={theme.soft}>{isLoading ? "Loading" : EMPTY}</Words>}
        onEndReached={more}
      />
      <View style={BOTTOM}>{notice && <Notice {...notice} action="Dismiss" onPress={dismiss} />}</View>
    </View>
  );
}
