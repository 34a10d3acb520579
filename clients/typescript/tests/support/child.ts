// A process of its own, which a test kills. It reads what to do from the first argument, and reports lines of JSON.
import { createClient, folderStorage } from "../../src/node.js";

/** What a child process does. */
export interface Assignment {
  action: "upload" | "resume" | "download";
  baseUrl: string;
  authorization: string;
  bucket: string;
  /** The folder of the client's storage. */
  folder: string;
  /** The file to upload, or where a download goes. */
  path: string;
  /** The key of the file to download. */
  fileName?: string;
}

/** A line of a child process. */
export type Report =
  | { event: "begun" }
  | { event: "progress"; bytes: number }
  | { event: "ended"; records: { id: string; status: string; file_name: string }[] };

const assignment = JSON.parse(process.argv[2] ?? "") as Assignment;
const { authorization, baseUrl, bucket, fileName = "", folder, path } = assignment;
const client = createClient({ baseUrl, authorization: () => authorization, storage: folderStorage(folder) });

function report(line: Report): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function upload() {
  return [await client.upload(path, { bucket }).result];
}

async function resume() {
  const left = await client.pending();
  return Promise.all(left.map((upload) => upload.resume().result));
}

async function download() {
  const onProgress = ({ receivedBytes }: { receivedBytes: number }) =>
    report({ event: "progress", bytes: receivedBytes });
  await client.download(bucket, fileName, path, { onProgress });
  return [];
}

report({ event: "begun" });
report({ event: "ended", records: await { upload, resume, download }[assignment.action]() });
