import { createClient } from "../../src/index.js";
import { createFile } from "./files.js";
import { JOB, type PageJob, type PageWindow } from "./job.js";

const ENDED = "page-ended:";

/** Go on with what an earlier life of the page has left, and start the rest, as an app does after a reload. */
async function run(page: PageWindow): Promise<void> {
  const { authorization, baseUrl, bucket, files } = JSON.parse(localStorage.getItem(JOB) ?? "") as PageJob;
  const client = createClient({ baseUrl, authorization: () => authorization, stallSeconds: 2 });
  const pending = await client.pending();
  page.resumed = pending.length;
  page.tasks = files
    .filter(({ name }) => !localStorage.getItem(ENDED + name))
    .map(({ name, size }) => {
      const file = createFile(name, size);
      const left = pending.find(({ fileName }) => fileName === name);
      const task = left ? left.resume(file) : client.upload(file, { bucket });
      task.subscribe(() => {
        if (task.state === "stored") localStorage.setItem(ENDED + name, task.record?.id ?? "");
      });
      return task;
    });
}

void run(window);
