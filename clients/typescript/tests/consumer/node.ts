// A program on Node.js that uses the built package. It is compiled and never run.
import { createClient } from "s3-file-uploader-client";
import { createClient as createNodeClient, folderStorage } from "s3-file-uploader-client/node";

export async function download(): Promise<void> {
  const client = createNodeClient({ baseUrl: "https://example.com", storage: folderStorage("/tmp") });
  await client.download("b", "name", "/tmp/name", { onProgress: ({ receivedBytes }) => receivedBytes.toFixed() });
  // @ts-expect-error: only the client for Node.js downloads to the disk.
  await createClient({ baseUrl: "https://example.com" }).download("b", "name", "/tmp/name");
}
