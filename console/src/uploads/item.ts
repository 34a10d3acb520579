import { signal } from "@preact/signals";
import type { PendingUpload, UploadRecord, UploadState, UploadTask } from "s3-file-uploader-client";
import type { Refusal } from "./limits.ts";
import type { Replaced } from "./notes.ts";
import type { Source } from "./picked.ts";
import { RateMeter } from "./rate.ts";

/**
 * The stage of a file in the queue: the states of the client's upload, and
 *
 * - `refused`: the limits of the bucket forbid it, so no byte was sent.
 * - `interrupted`: a reload has cut it off; the browser needs the file again.
 * - `misnamed`: the service takes the file under another name only.
 * - `unreadable`: the file was moved, changed or deleted before it was sent.
 * - `scanning`: stored, and not found clean yet.
 * - `rejected`: a scanner found something.
 * - `unreplaced`: stored, but the earlier file could not be deleted.
 */
export type Stage =
  UploadState | "refused" | "interrupted" | "misnamed" | "unreadable" | "scanning" | "rejected" | "unreplaced";

/** Groups in which the panel shows files. */
export type Group = "attention" | "active" | "done";

const ATTENTION: readonly Stage[] = [
  "refused",
  "interrupted",
  "misnamed",
  "unreadable",
  "failed",
  "rejected",
  "unreplaced",
];
/** Failures that need something else than another attempt. */
const FAILURES: Record<string, Stage | undefined> = {
  file_exists: "misnamed",
  file_rejected: "rejected",
  invalid_file_name: "misnamed",
  file_unreadable: "unreadable",
  file_changed: "unreadable",
};
const SENDING: readonly Stage[] = ["preparing", "uploading", "completing"];
let last = 0;

/** One file of the queue. `version` changes whenever its row has to be drawn anew. */
export class Item {
  readonly id = (last += 1);
  readonly version = signal(0);
  readonly bucket: string;
  /** The folder in the bucket, and the name. */
  readonly path: string;
  size: number;
  /** Absent once the file is stored, and after a reload. */
  file: File | undefined;
  source: Source | undefined;
  task: UploadTask | undefined;
  pending: PendingUpload | undefined;
  /** The key of the upload; empty before it begins. */
  key = "";
  record: UploadRecord | undefined;
  refusal: Refusal | undefined;
  replaces: readonly Replaced[] = [];
  /** The reason for which the row wants attention, if it is none of the task. */
  problem: Error | undefined;
  /** True if another run of the panel has counted the file: it is not part of the totals any more. */
  isOld = false;
  private after: "scanning" | "rejected" | "unreplaced" | "interrupted" | "unreadable" | undefined;
  private readonly meter = new RateMeter();
  private countedBytes = 0;
  private isResumed = false;

  constructor({ bucket, path, size }: { bucket: string; path: string; size: number }) {
    this.bucket = bucket;
    this.path = path;
    this.size = size;
  }

  get stage(): Stage {
    if (this.refusal) return "refused";
    if (this.after) return this.after;
    if (this.task?.state === "failed") return FAILURES[this.task.error?.code ?? ""] ?? "failed";
    return this.task?.state ?? (this.record ? "stored" : "queued");
  }

  get group(): Group {
    const { stage } = this;
    if (ATTENTION.includes(stage)) return "attention";
    return stage === "stored" ? "done" : "active";
  }

  /** True while bytes are on their way, or wait for the network. */
  get isUnderway(): boolean {
    return this.isSending || this.stage === "waiting";
  }

  get isSending(): boolean {
    return SENDING.includes(this.stage);
  }

  get sentBytes(): number {
    if (this.stage === "stored" || this.stage === "scanning") return this.size;
    return this.task?.progress.sentBytes ?? 0;
  }

  /** Bytes a second, while they leave. */
  get rate(): number | undefined {
    return this.stage === "uploading" ? this.meter.rate : undefined;
  }

  /** Enter a stage that is none of the task; undefined returns to those of the task. */
  enter(stage: Item["after"], problem?: Error): void {
    this.after = stage;
    this.problem = problem;
  }

  /** Follow a task. `isResumed`: S3 holds some of the file, which is not to count as sent. */
  follow(task: UploadTask, isResumed: boolean): void {
    this.task = task;
    this.key = task.key;
    this.pending = undefined;
    this.isResumed = isResumed;
    this.countedBytes = 0;
    this.enter(undefined);
  }

  /** Measure the speed, and return the bytes that have left since the last call. */
  measure(now: number): number {
    const bytes = this.sentBytes;
    if (this.stage === "paused" || this.stage === "queued") this.meter.reset();
    if (this.isResumed && bytes > 0) {
      this.isResumed = false;
      this.countedBytes = bytes;
      this.meter.reset();
    }
    const left = Math.max(0, bytes - this.countedBytes);
    this.countedBytes = bytes;
    if (this.stage === "uploading") this.meter.note(bytes, now);
    return left;
  }

  /** Free what only an unfinished upload needs. */
  finish(record: UploadRecord): void {
    this.record = record;
    this.task = undefined;
    this.file = undefined;
    this.source = undefined;
  }
}
