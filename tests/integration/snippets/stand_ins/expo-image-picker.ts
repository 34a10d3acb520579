/** Stands in for expo-image-picker: the user picks the video. */

import { VIDEO } from "./device";

export async function launchImageLibraryAsync() {
  const { name, size, type, uri } = VIDEO;
  return { canceled: false, assets: [{ uri, fileName: name, fileSize: size, mimeType: type, width: 1, height: 1 }] };
}
