/** Stands in for @kesha-antonov/react-native-background-downloader 4.6, as Uploader.kt sends a file on Android. */

import { readFile, send } from "./device";

interface Upload {
  id: string;
  url: string;
  source: string;
  method: string;
  headers: Record<string, string>;
  mimeType?: string;
}

export function createUploadTask({ url, source, method, headers, mimeType = "application/octet-stream" }: Upload) {
  let onDone: (result: { responseCode: number; responseBody: string }) => void = () => undefined;
  let onError: (failure: { error: string; errorCode: number }) => void = () => undefined;
  const task = {
    done(listener: typeof onDone) {
      onDone = listener;
      return task;
    },
    error(listener: typeof onError) {
      onError = listener;
      return task;
    },
    start() {
      const { done } = send(method, url, { ...headers, "Content-Type": mimeType }, readFile(source));
      done.then(
        ({ body, status }) => onDone({ responseCode: status, responseBody: body }),
        (failure: Error) => onError({ error: failure.message, errorCode: -1 }),
      );
    },
  };
  return task;
}

export const completeHandler = (): void => undefined;
