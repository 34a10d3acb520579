import type { FileAdapter } from "s3-file-uploader-client";

/** The core reads the files of a browser itself. */
export const files: FileAdapter | undefined = undefined;

/** A browser has no keychain: the session ends with the tab. */
export const secrets = {
  read: async (name: string) => sessionStorage.getItem(name),
  write: async (name: string, value: string) => sessionStorage.setItem(name, value),
  remove: async (name: string) => sessionStorage.removeItem(name),
};

export async function shareLink(url: string): Promise<string | undefined> {
  await navigator.clipboard.writeText(url);
  return "The link is copied. With it, anyone can download the file for a week.";
}
