// The tus server of npm before the store, as its documentation has it; nobody is asked who they are.

import { createServer } from "node:http";
import process from "node:process";
import { S3Store } from "@tus/s3-store";
import { Server } from "@tus/server";

const { env } = process;
const datastore = new S3Store({
  useTags: false, // The store has no tags.
  s3ClientConfig: {
    bucket: env.TUS_BUCKET,
    region: env.AWS_STORAGE_REGION,
    endpoint: env.AWS_S3_ENDPOINT_URL,
    forcePathStyle: true,
    requestChecksumCalculation: "WHEN_REQUIRED",
    credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY },
  },
});
const tus = new Server({ path: "/files", datastore, relativeLocation: true });
const [host, port] = env.TUS_HOST.split(":");
createServer((request, response) => tus.handle(request, response)).listen(Number(port), host);
