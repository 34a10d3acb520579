/** The files of the phone. Block k of 64 KiB holds the byte k % 251, so that a wrong offset is found. */

const BLOCK = 64 * 1024;

export const VIDEO = { uri: "file:///videos/video.mp4", name: "video.mp4", type: "video/mp4", size: 40 * 1024 * 1024 };

/** Files that a library has copied, such as parts in the cache. */
export const copies = new Map<string, Uint8Array<ArrayBuffer>>();

export function readVideo(offset: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.max(0, Math.min(length, VIDEO.size - offset)));
  for (let at = 0; at < bytes.length;) {
    const block = Math.floor((offset + at) / BLOCK);
    const end = Math.min(bytes.length, (block + 1) * BLOCK - offset);
    bytes.fill(block % 251, at, end);
    at = end;
  }
  return bytes;
}

export function sizeOf(path: string): number {
  if (path.endsWith("/videos/video.mp4")) return VIDEO.size;
  const copy = copies.get(path);
  if (!copy) throw new Error(`There is no file ${path}.`);
  return copy.byteLength;
}

export function readFile(path: string): Uint8Array<ArrayBuffer> {
  return copies.get(path) ?? readVideo(0, sizeOf(path));
}

/** Send a request as a native library does: with the given headers only. */
export function send(
  method: string,
  url: string,
  headers: Record<string, string>,
  body: Uint8Array<ArrayBuffer>,
  onSent: (bytes: number) => void = () => undefined,
): { done: Promise<{ status: number; body: string; headers: Record<string, string> }>; abort(): void } {
  const xhr = new XMLHttpRequest();
  const done = new Promise<{ status: number; body: string; headers: Record<string, string> }>((resolve, reject) => {
    xhr.open(method, url);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = ({ loaded }) => onSent(loaded);
    xhr.onload = () => resolve({ status: xhr.status, body: xhr.responseText, headers: {} });
    xhr.onerror = () => reject(new Error("The network request failed."));
    xhr.onabort = () => reject(new Error("The request was cancelled."));
    // Without a type of its own, so that the type comes from the headers alone.
    xhr.send(new Blob([body]));
  });
  return { done, abort: () => xhr.abort() };
}
