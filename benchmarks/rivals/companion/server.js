// Companion as its documentation mounts it, in as many processes as told; nobody is asked who they are.

import cluster from "node:cluster";
import { app as companion } from "@uppy/companion";
import express from "express";

const { env } = process;

function serve() {
  const { app } = companion({
    secret: "test-secret",
    filePath: env.DATA_DIR,
    server: { host: env.COMPANION_HOST },
    uploadUrls: [env.AWS_S3_ENDPOINT_URL],
    corsOrigins: true,
    metrics: false,
    s3: {
      key: env.AWS_ACCESS_KEY_ID,
      secret: env.AWS_SECRET_ACCESS_KEY,
      region: env.AWS_STORAGE_REGION,
      endpoint: env.AWS_S3_ENDPOINT_URL,
      bucket: env.COMPANION_BUCKET,
      forcePathStyle: true,
      awsClientOptions: { requestChecksumCalculation: "WHEN_REQUIRED" },
    },
  });
  const [host, port] = env.COMPANION_HOST.split(":");
  express().use(app).listen(Number(port), host);
}

if (cluster.isPrimary) {
  for (let number = 0; number < Number(env.COMPANION_PROCESSES); number += 1) cluster.fork();
  cluster.on("exit", () => process.exit(1));
  process.on("SIGTERM", () => process.exit(0));
} else {
  serve();
}
