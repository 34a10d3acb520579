/** Stands in for react-native-image-picker: the user picks the video. */

import { VIDEO } from "./device";

export async function launchImageLibrary() {
  const { name, size, type, uri } = VIDEO;
  return { assets: [{ uri, fileName: name, fileSize: size, type }] };
}
