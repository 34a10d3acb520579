import { hasCode, isGone, UploaderError } from "../errors.js";
import { ask, type Asker } from "../http/service.js";
import type { components } from "../schema.js";
import type { Transfer } from "./direct.js";
import { PartsUpload } from "./parts.js";
import { sendWhole } from "./whole.js";

type Schemas = components["schemas"];
type RecordShape = Schemas["S3Upload"];
/** The record of an upload, as the service keeps it. */
export interface UploadRecord extends RecordShape {}
export type Announcement = Schemas["S3UploadStartRequest"];

/** S3 confirmed every byte, and the service does not find them: so often the client sends the file anew. */
const MOST_CONTRADICTIONS = 3;

/** Steps of a direct upload that its task follows. */
export interface DirectSteps {
  key: string;
  announcement: Announcement;
  /** True if S3 can hold nothing of the file yet. */
  isNew: boolean;
  onStarted(id: string): Promise<void>;
  onCompleting(): void;
}

/** Announce a file to the service, send it to S3, complete the upload, and return the verified record. */
export async function uploadDirectly(transfer: Transfer, steps: DirectSteps): Promise<UploadRecord> {
  let started = await announcePatiently(transfer, steps);
  transfer.patience.succeeded();
  let contradictions = 0;
  for (let round = 1; started.transfer; round += 1) {
    await steps.onStarted(started.id);
    const isConfirmed = await sendUnlessCompleted(transfer, steps, started.id, started.transfer, round);
    steps.onCompleting();
    try {
      return await complete(transfer, started.id);
    } catch (error) {
      // The answer of S3 was lost and so were the bytes, or the store took a part of another size than was signed.
      if (isConfirmed) contradictions += 1;
      if (contradictions === MOST_CONTRADICTIONS || !hasCode(error, "parts_missing", "size_mismatch")) throw error;
      started = await announcePatiently(transfer, steps);
    }
  }
  return readRecord(transfer, started.id);
}

/** Announce a file, also while another request still completes its upload, such as one that a pause has cut off. */
async function announcePatiently(
  transfer: Transfer,
  { announcement, key }: DirectSteps,
): Promise<Schemas["S3StartedUpload"]> {
  for (;;) {
    try {
      return await announce(transfer, key, announcement);
    } catch (error) {
      if (!isNotPending(error)) throw error;
      await transfer.patience.wait(error, transfer.signal);
    }
  }
}

/** Send what is missing. If another request completes the upload meanwhile, the completion tells how that ends. */
async function sendUnlessCompleted(...args: Parameters<typeof send>): Promise<boolean> {
  try {
    return await send(...args);
  } catch (error) {
    if (!isNotPending(error)) throw error;
    return true;
  }
}

function isNotPending(error: unknown): boolean {
  return hasCode(error, "upload_not_pending");
}

/** Ask for the URLs of a file. The same key returns the same upload, so a lost answer costs nothing. */
export function announce(asker: Asker, key: string, announcement: Announcement): Promise<Schemas["S3StartedUpload"]> {
  return ask(asker, "POST", "uploads/", { json: announcement, headers: { "Idempotency-Key": key } });
}

/** Send what is missing. Returns false if only the completion can tell whether S3 has it. */
async function send(
  transfer: Transfer,
  steps: DirectSteps,
  id: string,
  plan: Schemas["S3Transfer"],
  round: number,
): Promise<boolean> {
  const isFirst = round === 1;
  if (plan.strategy === "put") {
    // An earlier run, or a native uploader, may have sent the file: the completion tells.
    if (isFirst && !steps.isNew) return false;
    return sendWhole(transfer, plan, async () => (await announce(transfer, steps.key, steps.announcement)).transfer);
  }
  if (plan.strategy === "multipart") await new PartsUpload(transfer, id, plan).run(isFirst && steps.isNew);
  return true;
}

/** Have the service verify a file that was sent. A lost answer costs nothing: the record tells how that ended. */
export async function complete(asker: Asker, id: string): Promise<UploadRecord> {
  try {
    return await ask(asker, "POST", `uploads/${id}/complete/`);
  } catch (error) {
    if (!isNotPending(error)) throw error;
    const record = await readRecord(asker, id);
    if (!["stored", "quarantined"].includes(record.status)) throw error;
    return record;
  }
}

export function readRecord(asker: Asker, id: string): Promise<UploadRecord> {
  return ask(asker, "GET", `uploads/${id}/`);
}

/** Return the id of an upload whose announcement was aborted: the service may have created it all the same. */
export async function findAnnounced(
  asker: Asker,
  key: string,
  announcement: Announcement | undefined,
): Promise<string | undefined> {
  if (!announcement) return undefined;
  try {
    return (await announce(asker, key, announcement)).id;
  } catch (error) {
    if (error instanceof UploaderError && error.status >= 400 && error.status < 500) return undefined;
    throw error;
  }
}

/** Remove an upload and its parts, if the service still knows it. */
export async function removeUpload(asker: Asker, id: string): Promise<void> {
  try {
    await ask(asker, "DELETE", `uploads/${id}/`);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
