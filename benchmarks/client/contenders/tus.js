// tus-js-client with its defaults, save that small files need one request and no line of a finished upload stays.

import { Upload } from "tus-js-client";
import { sendEach } from "./at_once.js";

/** `open` returns what the platform's tus-js-client takes as a file. */
export const connectBy =
  (open) =>
  ({ tus }) => {
    const sendOne = (file) =>
      new Promise((resolve, reject) => {
        const upload = new Upload(open(file.data), {
          endpoint: tus,
          metadata: { filename: file.name },
          uploadDataDuringCreation: true,
          removeFingerprintOnSuccess: true,
          onSuccess: resolve,
          onError: reject,
        });
        upload.start();
      });
    return (files) => sendEach(files, sendOne);
  };
