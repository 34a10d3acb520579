import type { IconName } from "../icons.tsx";
import { _ } from "../text.ts";

/** Kinds of files, as people call them. */
export type Kind = "image" | "video" | "audio" | "document" | "archive" | "code" | "file";

/** Ways in which the console shows a file. */
export type Preview = "image" | "video" | "audio" | "pdf" | "text";

const CODE = /^(application|text)\/(json|xml|html|javascript|x-(python|sh|yaml)|css|yaml|toml|sql)\b|\+(json|xml)$/;
const ARCHIVE = /zip|x-tar|gzip|x-7z|x-rar|x-bzip2|x-xz|zstd/;
const DOCUMENT = /^text\/|pdf|msword|officedocument|opendocument|rtf|epub|ms-excel|ms-powerpoint/;
const TEXT_ENDINGS = /\.(txt|md|rst|csv|tsv|log|json|xml|ya?ml|toml|ini|cfg|py|js|ts|tsx|css|html?|sh|sql|srt|vtt)$/i;

/** Return the kind of a file by its media type. */
export function kindOf(contentType: string): Kind {
  const [type] = contentType.split("/");
  if (type === "image" || type === "video" || type === "audio") return type;
  if (CODE.test(contentType)) return "code";
  if (ARCHIVE.test(contentType)) return "archive";
  if (DOCUMENT.test(contentType)) return "document";
  return "file";
}

/** Return how to show a file, or undefined if browsers cannot. */
export function previewOf({ content_type: type, path }: { content_type: string; path: string }): Preview | undefined {
  if (/^image\/(png|jpeg|gif|webp|avif|bmp|x-icon|vnd\.microsoft\.icon)\b/.test(type)) return "image";
  if (type.startsWith("video/")) return "video";
  if (type.startsWith("audio/")) return "audio";
  if (type.startsWith("application/pdf")) return "pdf";
  if (type.startsWith("text/") || CODE.test(type) || TEXT_ENDINGS.test(path)) return "text";
  return undefined;
}

const ICONS: Record<Kind, IconName> = {
  image: "image",
  video: "video",
  audio: "audio",
  document: "document",
  archive: "archive",
  code: "code",
  file: "file",
};

/** Return the icon of a kind. */
export function iconOf(kind: Kind): IconName {
  return ICONS[kind];
}

/** Return the names of the kinds, for a list of choices. */
export function kindLabels(): [Kind, string][] {
  return [
    ["image", _("Images")],
    ["video", _("Videos")],
    ["audio", _("Audio")],
    ["document", _("Documents")],
    ["archive", _("Archives")],
    ["code", _("Code and data")],
    ["file", _("Other files")],
  ];
}
