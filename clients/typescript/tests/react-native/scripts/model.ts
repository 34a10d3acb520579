/** Hashes of the sources that the modelled native modules follow. Run it to accept what has changed. */

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const LISTED = fileURLToPath(new URL("../model.json", import.meta.url));

const ANDROID = "react-native/ReactAndroid/src/main/java/com/facebook/react/modules";
const IOS = "react-native/Libraries";
const EXPO = "expo-file-system/android/src/main/java/expo/modules/filesystem";
const SOURCES = [
  `${ANDROID}/network/NetworkingModule.kt`,
  `${ANDROID}/network/NetworkEventUtil.kt`,
  `${ANDROID}/network/ProgressRequestBody.kt`,
  `${ANDROID}/network/RequestBodyUtil.kt`,
  `${ANDROID}/network/OkHttpClientProvider.kt`,
  `${ANDROID}/blob/BlobModule.kt`,
  `${ANDROID}/blob/FileReaderModule.kt`,
  "react-native/gradle/libs.versions.toml",
  `${IOS}/Network/RCTNetworking.mm`,
  `${IOS}/Network/RCTNetworkTask.mm`,
  `${IOS}/Network/RCTHTTPRequestHandler.mm`,
  `${IOS}/Network/RCTFileRequestHandler.mm`,
  `${IOS}/Blob/RCTBlobManager.mm`,
  `${IOS}/Blob/RCTBlobCollector.mm`,
  `${IOS}/Blob/RCTFileReaderModule.mm`,
  `${EXPO}/FileSystemFile.kt`,
  `${EXPO}/FileSystemFileHandle.kt`,
  `${EXPO}/FileSystemUploadTask.kt`,
  `${EXPO}/unifiedfile/ContentProviderFile.kt`,
  "expo-file-system/ios/FileSystemFile.swift",
  "expo-file-system/ios/FileSystemFileHandle.swift",
  "expo-file-system/ios/FileSystemUploadTask.swift",
  "react-native-blob-util/codegenSpecs/NativeBlobUtils.js",
];

/** Return the SHA-256 of each source by its path in node_modules. */
export function hashSources(): Record<string, string> {
  const modules = new URL("../node_modules/", import.meta.url);
  const hash = (path: string) =>
    createHash("sha256")
      .update(readFileSync(new URL(path, modules)))
      .digest("hex");
  return Object.fromEntries(SOURCES.map((path) => [path, hash(path)]));
}

if (import.meta.main) writeFileSync(LISTED, `${JSON.stringify(hashSources(), null, 2)}\n`);
