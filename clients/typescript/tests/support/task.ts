import { beforeEach, vi } from "vitest";
import type { PendingUpload } from "../../src/client.js";
import type { UploadOptions, UploadState } from "../../src/uploads/options.js";
import type { KeyValueStorage } from "../../src/uploads/storage.js";
import type { UploadTask } from "../../src/uploads/task.js";
import { bytes, clientOf, memoryStorage, ScriptedServer } from "./scripted.js";

// One service and one storage for each test of a task.
export let server: ScriptedServer;
export let lines: Map<string, string>;
export let storage: KeyValueStorage;

beforeEach(() => {
  vi.useFakeTimers();
  server = new ScriptedServer();
  lines = new Map();
  storage = memoryStorage(lines);
});

type ClientChanges = Parameters<typeof clientOf>[1];

export function start(size: number, options: Partial<UploadOptions> = {}, changes: ClientChanges = {}): UploadTask {
  const client = clientOf(server, { storage, ...changes });
  return client.upload(bytes(size), { bucket: "bucket", fileName: "a.bin", checksum: false, ...options });
}

/** Run the clock until the task is in the state. */
export async function until(task: UploadTask, state: UploadState): Promise<void> {
  for (let rounds = 0; task.state !== state; rounds += 1) {
    if (rounds > 20_000) throw new Error(`The upload is ${task.state}, not ${state}.`);
    await vi.advanceTimersByTimeAsync(1);
  }
}

export async function pendingOf(changes: ClientChanges = {}): Promise<PendingUpload> {
  const [left, ...others] = await clientOf(server, { storage, ...changes }).pending();
  if (!left || others.length) throw new Error("Not exactly one upload is pending.");
  return left;
}
