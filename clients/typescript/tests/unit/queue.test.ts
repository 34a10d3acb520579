import { beforeEach, describe, expect, test, vi } from "vitest";
import type { QueueOptions, QueueTotals, UploadQueue } from "../../src/uploads/queue.js";
import type { UploadTask } from "../../src/uploads/task.js";
import { bytes, clientOf, failure, ScriptedServer, settle } from "../support/scripted.js";

let server: ScriptedServer;

beforeEach(() => {
  vi.useFakeTimers();
  server = new ScriptedServer();
});

function queueOf(sizes: number[], options?: QueueOptions): UploadQueue {
  const fileOptions = (_file: Uint8Array, index: number) => ({
    bucket: "bucket",
    fileName: `${index}.bin`,
    checksum: false,
  });
  return clientOf(server).uploadMany(sizes.map(bytes), fileOptions, options);
}

function announcedNames(): unknown[] {
  return server.seen.filter(({ route }) => route === "POST uploads/").map(({ json }) => json.file_name);
}

function statesOf({ tasks }: UploadQueue): string[] {
  return tasks.map(({ state }) => state);
}

function taskAt({ tasks }: UploadQueue, index: number): UploadTask {
  const task = tasks[index];
  if (!task) throw new Error(`The queue has no upload ${index}.`);
  return task;
}

describe("a queue", () => {
  test("uploads in order, two files at once", async () => {
    const queue = queueOf([5, 5, 5, 5, 5], { files: 2 });
    expect(statesOf(queue)).toEqual(["preparing", "preparing", "queued", "queued", "queued"]);
    const tasks = await settle(queue.finished());
    expect(tasks.map(({ state }) => state)).toEqual(Array(5).fill("stored"));
    expect(announcedNames()).toEqual(["0.bin", "1.bin", "2.bin", "3.bin", "4.bin"]);
  });

  test.each([1, 3])("never has more than %i files at once", async (files) => {
    const queue = queueOf(Array<number>(8).fill(5), { files });
    let most = 0;
    for (const task of queue.tasks) {
      task.subscribe(() => {
        const busy = statesOf(queue).filter((state) => !["queued", "stored"].includes(state)).length;
        most = Math.max(most, busy);
      });
    }
    await settle(queue.finished());
    expect(most).toBe(files);
  });

  test("goes on after a failed and after a cancelled file", async () => {
    server.next("POST uploads/", failure(413, "file_too_large"));
    const queue = queueOf([5, 5, 5, 5], { files: 1 });
    await settle(taskAt(queue, 1).cancel());
    await settle(queue.finished());
    expect(statesOf(queue)).toEqual(["failed", "cancelled", "stored", "stored"]);
    expect(queue.totals).toMatchObject({ files: 4, storedFiles: 2, failedFiles: 1 });
  });

  test("takes the same options for every file", async () => {
    const queue = clientOf(server).uploadMany([bytes(1), bytes(2)], { bucket: "bucket", fileName: "same.bin" });
    await settle(queue.finished());
    expect(announcedNames()).toEqual(["same.bin", "same.bin"]);
  });

  test("move brings a waiting file forward", async () => {
    const queue = queueOf([5, 5, 5, 5], { files: 1 });
    queue.move(taskAt(queue, 3), 1);
    await settle(queue.finished());
    expect(announcedNames()).toEqual(["0.bin", "3.bin", "1.bin", "2.bin"]);
  });

  test("move of an upload of another queue changes nothing", () => {
    const queue = queueOf([5, 5, 5]);
    const names = queue.tasks.map(({ fileName }) => fileName);
    queue.move(taskAt(queueOf([5]), 0), 0);
    expect(queue.tasks.map(({ fileName }) => fileName)).toEqual(names);
  });

  test("pause starts no other file, and resume goes on with as many at once as before", async () => {
    const queue = queueOf(Array<number>(6).fill(95), { files: 2 });
    await vi.advanceTimersByTimeAsync(30);
    queue.pause();
    expect(statesOf(queue)).toEqual(["paused", "paused", "queued", "queued", "queued", "queued"]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(announcedNames()).toHaveLength(2);
    queue.add(clientOf(server).prepare(bytes(5), { bucket: "bucket", fileName: "late.bin" }));
    expect(taskAt(queue, 6).state).toBe("queued");
    queue.resume();
    expect(statesOf(queue).filter((state) => state === "preparing")).toHaveLength(2);
    await settle(queue.finished());
    expect(statesOf(queue)).toEqual(Array(7).fill("stored"));
  });

  test("resume repeats what failed", async () => {
    server.next("POST uploads/", failure(413, "file_too_large"));
    const queue = queueOf([5, 5]);
    await settle(queue.finished());
    expect(statesOf(queue)).toEqual(["failed", "stored"]);
    queue.resume();
    await settle(queue.finished());
    expect(statesOf(queue)).toEqual(["stored", "stored"]);
    await expect(taskAt(queue, 0).result).resolves.toMatchObject({ status: "stored" });
  });

  test("cancel ends all files and sends nothing for those that waited", async () => {
    const queue = queueOf([95, 95, 95, 95], { files: 2 });
    await vi.advanceTimersByTimeAsync(50);
    await settle(queue.cancel());
    expect(statesOf(queue)).toEqual(Array(4).fill("cancelled"));
    expect(announcedNames()).toHaveLength(2);
    expect(server.uploads.size).toBe(0);
    expect(await queue.finished()).toBe(queue.tasks);
  });

  test("totals know the size of files that have not started, and end complete", async () => {
    const queue = queueOf([40, 50, 60], { files: 1 });
    expect(queue.totals).toEqual({
      files: 3,
      storedFiles: 0,
      failedFiles: 0,
      sentBytes: 0,
      storedBytes: 0,
      totalBytes: 150,
    });
    await settle(queue.finished());
    expect(queue.totals).toEqual({
      files: 3,
      storedFiles: 3,
      failedFiles: 0,
      sentBytes: 150,
      storedBytes: 150,
      totalBytes: 150,
    });
  });

  test("onChange comes at most every 100 ms, and with the last totals", async () => {
    const heard: { at: number; totals: QueueTotals }[] = [];
    const queue = queueOf([1000, 1000], { onChange: (totals) => heard.push({ at: Date.now(), totals }) });
    await settle(queue.finished(), 1);
    await vi.advanceTimersByTimeAsync(200);
    const gaps = heard.slice(1).map(({ at }, index) => at - (heard[index]?.at ?? 0));
    expect(heard.length).toBeGreaterThan(3);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(100);
    expect(heard[heard.length - 1]?.totals).toMatchObject({ storedFiles: 2, storedBytes: 2000 });
  });

  test("without files is finished", async () => {
    expect(await queueOf([]).finished()).toEqual([]);
  });
});
