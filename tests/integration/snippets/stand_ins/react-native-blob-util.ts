/** Stands in for react-native-blob-util 0.25: the part of its index.d.ts that the adapter uses. Paths have no scheme. */

import { copies, readFile, readVideo, send, sizeOf } from "./device";

const PREFIX = "ReactNativeBlobUtil-file://";

export default {
  fs: {
    dirs: { CacheDir: "/cache" },
    stat: async (path: string) => ({ size: String(sizeOf(path)) }),
    slice: async (source: string, destination: string, start: number, end: number) => {
      sizeOf(source);
      copies.set(destination, readVideo(start, end - start));
    },
    cp: async (source: string, destination: string) => void copies.set(destination, readFile(source)),
    hash: async (path: string) => {
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", readFile(path)));
      return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
    },
    unlink: async (path: string) => {
      if (!copies.delete(path)) throw new Error(`There is no file ${path}.`);
    },
  },
  wrap: (path: string) => PREFIX + path,
  fetch(method: string, url: string, headers: Record<string, string>, body: string) {
    let onSent: (sent: number) => void = () => undefined;
    const { abort, done } = send(method, url, headers, readFile(body.replace(PREFIX, "")), (bytes) => onSent(bytes));
    const response = done.then(({ body: text, headers: received, status }) => ({
      text: () => text,
      info: () => ({ status, headers: received }),
    }));
    const uploadProgress = (_: object, listener: (sent: number) => void) => (onSent = listener);
    return Object.assign(response, { cancel: abort, uploadProgress });
  },
};
