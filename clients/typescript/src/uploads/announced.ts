import { UploaderError } from "../errors.js";
import type { Call } from "../http/service.js";
import type { components } from "../schema.js";
import type { Transfer } from "./direct.js";
import { PartsUpload } from "./parts.js";
import { sendWhole } from "./whole.js";

type Schemas = components["schemas"];
export type UploadRecord = Schemas["S3Upload"];
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
  let started = await announce(transfer, steps.key, steps.announcement);
  transfer.patience.succeeded();
  let contradictions = 0;
  for (let round = 1; started.transfer; round += 1) {
    await steps.onStarted(started.id);
    const isConfirmed = await send(transfer, steps, started.id, started.transfer, round);
    steps.onCompleting();
    try {
      return await complete(transfer, started.id);
    } catch (error) {
      // The answer of S3 was lost and so were the bytes, or the store took a part of another size than was signed.
      if (isConfirmed) contradictions += 1;
      if (contradictions === MOST_CONTRADICTIONS || !isMendedBySending(error)) throw error;
      started = await announce(transfer, steps.key, steps.announcement);
    }
  }
  return readRecord(transfer, started.id);
}

/** Ask for the URLs of a file. The same key returns the same upload, so a lost answer costs nothing. */
export function announce(
  { patience, service, signal }: Pick<Transfer, "service"> & Pick<Call, "patience" | "signal">,
  key: string,
  announcement: Announcement,
): Promise<Schemas["S3StartedUpload"]> {
  const headers = { "Idempotency-Key": key };
  return service.call("POST", "uploads/", { json: announcement, headers, signal, patience });
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
export async function complete(
  { patience, service, signal }: Pick<Transfer, "service"> & Pick<Call, "patience" | "signal">,
  id: string,
): Promise<UploadRecord> {
  try {
    return await service.call("POST", `uploads/${id}/complete/`, { signal, patience });
  } catch (error) {
    if (!(error instanceof UploaderError && error.code === "upload_not_pending")) throw error;
    const record = await readRecord({ patience, service, signal }, id);
    if (!["stored", "quarantined"].includes(record.status)) throw error;
    return record;
  }
}

function readRecord({ patience, service, signal }: Parameters<typeof complete>[0], id: string) {
  return service.call<UploadRecord>("GET", `uploads/${id}/`, { signal, patience });
}

function isMendedBySending(error: unknown): boolean {
  return error instanceof UploaderError && ["parts_missing", "size_mismatch"].includes(error.code);
}
