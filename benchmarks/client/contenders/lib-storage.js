// @aws-sdk/lib-storage with its defaults. The credentials of the store lie in the client.

import { S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { sendEach } from "./at_once.js";

/** `open` returns what the platform's SDK takes as a body. */
export const connectBy =
  (open) =>
  ({ store, bucket }) => {
    const client = new S3Client({ ...store, forcePathStyle: true, requestChecksumCalculation: "WHEN_REQUIRED" });
    const sendOne = ({ name, data }) =>
      new Upload({ client, params: { Bucket: bucket, Key: `lib-storage/${name}`, Body: open(data) } }).done();
    return (files) => sendEach(files, sendOne);
  };
