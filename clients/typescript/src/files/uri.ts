import { UploaderError } from "../errors.js";
import type { Source, UriFile } from "./source.js";

/** Larger files are read in parts: iOS reads a `{uri}` whole into memory. */
export const LARGEST_WHOLE_BYTES = 16 * 1024 * 1024;

/** Return true for `{uri}`, as the pickers of React Native return it. */
export function isUriFile(file: unknown): file is UriFile {
  return typeof file === "object" && file !== null && "uri" in file && typeof file.uri === "string";
}

/**
 * Open a small file of React Native that XMLHttpRequest sends whole.
 *
 * Throws `file_needs_adapter` for a large file and for one of unknown size.
 */
export function openUri(file: UriFile, largest: number): Source {
  const { uri, size } = file;
  if (size === undefined || size > largest) {
    const why = size === undefined ? "The size of this file is unknown" : `This file of ${size} bytes is large`;
    const message =
      `${why}, and React Native would read it whole into memory. Give createClient an adapter that reads parts: ` +
      "`files: expoFiles(FileSystem)` of s3-file-uploader-client/expo, or `files: blobUtilFiles(ReactNativeBlobUtil)` " +
      "of s3-file-uploader-client/blob-util.";
    throw new UploaderError("file_needs_adapter", message);
  }
  const type = file.type ?? "";
  const name = file.name ?? nameOf(uri);
  return { name, type, size, uri, holdsChunks: true, read: () => Promise.resolve({ body: { uri, name, type } }) };
}

/** Return the last segment of an address, decoded. */
export function nameOf(uri: string): string {
  const last = /([^/]*)\/*(?:[?#].*)?$/.exec(uri)?.[1] ?? "";
  try {
    return decodeURIComponent(last);
  } catch {
    return last; // A bare `%` is part of the name.
  }
}
