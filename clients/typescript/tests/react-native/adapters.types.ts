/** The adapters take what expo-file-system and react-native-blob-util are by their own types. Only compiled, never run. */

import * as FileSystem from "expo-file-system";
import ReactNativeBlobUtil from "react-native-blob-util";
import { createClient, type FileAdapter } from "s3-file-uploader-client";
import { blobUtilFiles } from "s3-file-uploader-client/blob-util";
import { expoFiles, type ExpoFile, type ExpoFileHandle } from "s3-file-uploader-client/expo";

const adapters: FileAdapter[] = [expoFiles(FileSystem), blobUtilFiles(ReactNativeBlobUtil)];

/** What the Expo adapter asks of a file and of a handle, Expo's own have. */
export const file: ExpoFile = new FileSystem.File(FileSystem.Paths.cache, "video.mp4");
export const handle: ExpoFileHandle = new FileSystem.File("file:///video.mp4").open();

export const tasks = adapters.map((files) =>
  createClient({ baseUrl: "https://example.com", files }).upload(file, { bucket: "my-first-bucket" }),
);
