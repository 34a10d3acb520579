import { useState } from "react";
import type { Client, PendingUpload } from "s3-file-uploader-client";
import type { UploadView } from "s3-file-uploader-client/react";
import { pickFiles } from "./pick";
import { describeError } from "./words";

/** Does something, and shows what it says or why it fails. */
export type Attempt = (action: () => Promise<string | void>) => void;

/** What the parts of the screen share. */
export interface Shared {
  client: Client;
  bucket: string;
  attempt: Attempt;
}

/** Return a function that attempts things, and the message of the last one. */
export function useAttempt() {
  const [notice, setNotice] = useState<{ text: string; isBad: boolean }>();
  const attempt: Attempt = (action) => {
    setNotice(undefined);
    action().then(
      (text) => text && setNotice({ text, isBad: false }),
      (failure: unknown) => setNotice({ text: describeError(failure), isBad: true }),
    );
  };
  return { attempt, notice, dismiss: () => setNotice(undefined) };
}

const NEEDS_FILE = ["file_unreadable", "file_changed"];

/** Return what a user can do with an upload, by the titles of the buttons. */
export function actionsOf(upload: UploadView, attempt: Attempt): Record<string, () => void> {
  const { cancel, error, pause, resume, state } = upload;
  const Cancel = () => attempt(cancel);
  if (state === "failed" && NEEDS_FILE.includes(error?.code ?? "")) return { ...chooseAgain(resume, attempt), Cancel };
  if (state === "failed") return { "Try again": () => resume(), Cancel };
  return state === "paused" ? { Resume: () => resume(), Cancel } : { Pause: pause, Cancel };
}

/** Return what a user can do with an upload of an earlier run, whose file this run cannot find by itself. */
export function actionsOfPending(left: PendingUpload, attempt: Attempt): Record<string, () => void> {
  return { ...chooseAgain(left.resume, attempt), Cancel: () => attempt(left.discard) };
}

function chooseAgain(go: (file: unknown) => unknown, attempt: Attempt) {
  const choose = async () => {
    const [file] = await pickFiles(false);
    if (file) go(file);
  };
  return { "Choose the file": () => attempt(choose) };
}
