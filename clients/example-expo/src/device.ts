import * as FileSystem from "expo-file-system";
import * as SecureStore from "expo-secure-store";
import { Share } from "react-native";
import { expoFiles } from "s3-file-uploader-client/expo";
import type { FileAdapter } from "s3-file-uploader-client";

/** Reads the files of pickers in parts. */
export const files: FileAdapter | undefined = expoFiles(FileSystem);

/** Strings that only this app can read: the keychain of iOS, the keystore of Android. */
export const secrets = {
  read: (name: string) => SecureStore.getItemAsync(name),
  write: (name: string, value: string) => SecureStore.setItemAsync(name, value),
  remove: (name: string) => SecureStore.deleteItemAsync(name),
};

/** Offer a link to other apps. Returns what to tell the user, if anything. */
export async function shareLink(url: string): Promise<string | undefined> {
  await Share.share({ message: url });
  return undefined;
}
