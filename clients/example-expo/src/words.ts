import { UploaderError, type PendingUpload } from "s3-file-uploader-client";
import type { UploadView } from "s3-file-uploader-client/react";

/** Where the messages of the client speak to developers. */
const ERRORS: Record<string, string> = {
  bad_answer: "The service does not answer as it should. Check the address and the network, and try again.",
  connection_lost: "There is no connection. Try again when the network is better.",
  file_needs_adapter: "This file is too large for this app.",
  file_unreadable: "The file is gone from this device. Choose it again.",
};

/** Say in plain words what went wrong. The messages of the service say what to do next. */
export function describeError(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (error instanceof UploaderError && ERRORS[error.code]) || message;
}

/** Say in plain words how far an upload is. */
export function describeUpload({ error, fileName = "File", progress, state }: UploadView) {
  const { sentBytes, storedBytes, totalBytes } = progress;
  const total = formatBytes(totalBytes);
  const held = `${formatBytes(storedBytes)} of ${total}`;
  const notes = {
    queued: `Waits for its turn · ${total}`,
    preparing: "Getting ready",
    uploading: `${formatBytes(sentBytes)} of ${total}`,
    waiting: `No connection: goes on by itself · ${held}`,
    completing: "Checking that all has arrived",
    paused: `Paused · ${held}`,
    failed: describeError(error),
    stored: `Stored · ${total}`,
    cancelled: "Cancelled",
  };
  const share = (bytes: number) => (totalBytes ? bytes / totalBytes : 0);
  const shares = { sent: share(sentBytes), stored: share(storedBytes) };
  return { name: fileName, note: notes[state], isBad: state === "failed", progress: shares };
}

export function describePending({ fileName, size }: PendingUpload) {
  const note = `Interrupted · ${formatBytes(size)}. Choose the file again, and it goes on where it stopped.`;
  return { name: fileName, note };
}

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

export function formatBytes(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** power;
  return `${value.toFixed(power && value < 100 ? 1 : 0)} ${UNITS[power]}`;
}
