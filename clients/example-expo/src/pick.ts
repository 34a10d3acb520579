import * as DocumentPicker from "expo-document-picker";
import * as ImagePicker from "expo-image-picker";

/** Let the user choose photos and videos, as they are: without compression. */
export async function pickMedia(): Promise<unknown[]> {
  const { assets } = await ImagePicker.launchImageLibraryAsync({
    mediaTypes: ["images", "videos"],
    allowsMultipleSelection: true,
    preferredAssetRepresentationMode: ImagePicker.UIImagePickerPreferredAssetRepresentationMode.Current,
    videoExportPreset: ImagePicker.VideoExportPreset.Passthrough,
  });
  return (assets ?? []).map((asset) => asset.file ?? asset);
}

/** Let the user choose files of any kind. Their copies in the cache can be read again after a restart. */
export async function pickFiles(multiple = true): Promise<unknown[]> {
  const { assets } = await DocumentPicker.getDocumentAsync({ multiple, base64: false });
  return (assets ?? []).map((asset) => asset.file ?? asset);
}
