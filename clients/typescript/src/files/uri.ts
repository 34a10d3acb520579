import { UploaderError } from "../errors.js";
import type { Source } from "./source.js";

/** Larger files are read in parts: iOS reads a `{uri}` whole into memory. */
export const LARGEST_WHOLE_BYTES = 16 * 1024 * 1024;

/**
 * A file of React Native, as its pickers return it: an asset of expo-image-picker or react-native-image-picker, of
 * expo-document-picker, or `{uri, name, type, size}`.
 */
export interface UriFile {
  uri: string;
  name?: string | null | undefined;
  fileName?: string | null | undefined;
  /** Media type; `"image"` and `"video"`, as expo-image-picker says, are none. */
  type?: string | null | undefined;
  mimeType?: string | null | undefined;
  /** Bytes. */
  size?: number | null | undefined;
  fileSize?: number | null | undefined;
}

/** The description of a file by a picker, in the same fields for all pickers. */
export interface FileDescription {
  uri: string;
  name: string;
  /** Media type, or an empty string. */
  type: string;
  size: number | undefined;
}

/** Return true for `{uri}`, as the pickers of React Native return it. */
export function isUriFile(file: unknown): file is UriFile {
  return typeof file === "object" && file !== null && "uri" in file && typeof file.uri === "string";
}

/** Return the same fields for the assets of every picker. */
export function describeFile(file: UriFile): FileDescription {
  const { uri } = file;
  const types = [file.mimeType, file.type].filter((type) => type?.includes("/"));
  return {
    uri,
    name: file.name ?? file.fileName ?? nameOf(uri),
    type: types[0] ?? "",
    size: file.size ?? file.fileSize ?? undefined,
  };
}

/**
 * Open a small file of React Native that XMLHttpRequest sends whole.
 *
 * Throws `file_needs_adapter` for a file of more than `largest` bytes and for one of unknown size.
 */
export function openUri(file: UriFile, largest: number): Source {
  const { name, size, type, uri } = describeFile(file);
  if (size === undefined) throw needsAdapter("The size of this file is unknown");
  if (size > largest) throw needsAdapter(`This file of ${size} bytes is large`);
  return {
    name,
    type,
    size,
    uri,
    holdsChunks: true,
    async read(_offset, length) {
      if (length < size) throw needsAdapter("This file goes in parts");
      return Promise.resolve({ body: { uri, name, type } });
    },
  };
}

function needsAdapter(why: string): UploaderError {
  const message =
    `${why}. To read it in parts, give createClient \`files\`: expoFiles of s3-file-uploader-client/expo or ` +
    "blobUtilFiles of s3-file-uploader-client/blob-util.";
  return new UploaderError("file_needs_adapter", message);
}

/** Return the last segment of an address, decoded. */
function nameOf(uri: string): string {
  const last = /([^/?#]*)\/*(?:[?#].*)?$/.exec(uri)?.[1] ?? "";
  try {
    return decodeURIComponent(last);
  } catch {
    return last; // A bare `%` is part of the name.
  }
}
