// An app that uses the built package. It is compiled and never run.
import {
  asyncStorage,
  createClient,
  UploaderError,
  type ClientErrorCode,
  type ServiceErrorCode,
  type UploadRecord,
  type UploadState,
} from "s3-file-uploader-client";
import { blobUtilFiles } from "s3-file-uploader-client/blob-util";
import { expoFiles } from "s3-file-uploader-client/expo";
import { useFiles, useUpload, useUploads } from "s3-file-uploader-client/react";

export const adapters = [blobUtilFiles, expoFiles, asyncStorage, useFiles, useUpload, useUploads];

/** Every code has a text. A new code of the service, or one that is gone, does not compile. */
export function explain(code: ServiceErrorCode | ClientErrorCode): string {
  switch (code) {
    case "bucket_exists":
    case "bucket_not_allowed":
    case "bucket_not_empty":
    case "bucket_not_found":
    case "bucket_owner_mismatch":
    case "checksum_mismatch":
    case "content_type_mismatch":
    case "content_type_not_allowed":
    case "database_unavailable":
    case "download_folder_full":
    case "file_exists":
    case "file_not_found":
    case "file_rejected":
    case "file_in_use":
    case "file_too_large":
    case "idempotency_key_reused":
    case "invalid":
    case "invalid_bucket_name":
    case "invalid_file_name":
    case "length_required":
    case "method_not_allowed":
    case "not_acceptable":
    case "not_authenticated":
    case "not_your_file":
    case "parts_missing":
    case "permission_denied":
    case "precondition_failed":
    case "quarantined":
    case "quota_exceeded":
    case "range_not_satisfiable":
    case "request_too_slow":
    case "share_not_found":
    case "size_mismatch":
    case "storage_access_denied":
    case "storage_error":
    case "storage_not_configured":
    case "storage_timeout":
    case "storage_unavailable":
    case "throttled":
    case "unsupported_media_type":
    case "upload_in_progress":
    case "upload_not_found":
    case "upload_not_pending":
    case "upload_token_not_found":
    case "cancelled":
    case "connection_lost":
    case "bad_answer":
    case "storage_refused":
    case "checksum_unavailable":
    case "file_needs_adapter":
    case "file_unreadable":
    case "file_changed":
    case "file_unwritable":
    case "journal_failed":
      return "known";
    default: {
      const never: never = code;
      return never;
    }
  }
}

export function explainAny(error: unknown): string {
  if (!(error instanceof UploaderError)) throw error;
  const { code, errors, limit, message, retryAfter, status } = error;
  if (code === "file_too_large") return `At most ${String(limit?.max_file_bytes)} bytes.`;
  const first: string | undefined = Object.values(errors ?? {})[0]?.[0]?.detail;
  const later: number = retryAfter ?? status;
  return first ?? `${message} ${later}`;
}

export async function upload(file: Blob): Promise<UploadRecord> {
  const client = createClient({ baseUrl: "https://example.com", authorization: async () => null });
  const states: UploadState[] = [];
  const task = client.upload(file, {
    bucket: "b",
    via: "auto",
    checksum: "auto",
    onState: (state) => states.push(state),
  });
  // @ts-expect-error: a bucket is required.
  client.upload(file, {});
  // @ts-expect-error: there is no such way.
  client.upload(file, { bucket: "b", via: "pigeon" });
  const { sentBytes, storedBytes, totalBytes }: { sentBytes: number; storedBytes: number; totalBytes: number } =
    task.progress;
  if (sentBytes + storedBytes > totalBytes) task.pause();
  for (const left of await client.pending()) left.resume(file);
  const names: string[] = (await client.files("b").all()).map(({ file_name }) => file_name);
  return names.length ? task.result : client.settle("id");
}
