// Uppy as docs/how-to/uppy.md has it, with an upload token; it sends by XMLHttpRequest, so there is no uppy.node.js.

import AwsS3 from "@uppy/aws-s3";
import Uppy from "@uppy/core";
import { run } from "../run.page.js";

run(({ uppy: endpoint, bucket }) => async (files) => {
  const records = [];
  const uppy = new Uppy();
  uppy.use(AwsS3, { companionEndpoint: endpoint });
  uppy.on("upload-success", (_, { body }) => records.push(complete(endpoint, body.key)));
  uppy.addFiles(files.map(({ name, data }) => ({ name, type: data.type, data, meta: { bucket } })));
  const { failed } = await uppy.upload();
  if (failed.length) throw new Error(failed[0].error);
  await Promise.all(records);
  uppy.destroy();
});

async function complete(endpoint, key) {
  const answer = await fetch(`${endpoint}/s3/complete?key=${encodeURIComponent(key)}`, { method: "POST", keepalive: true });
  if (!answer.ok) throw new Error(await answer.text());
}
