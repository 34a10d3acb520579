/**
 * Uploads files of any size to a service that runs s3_file_uploader: from React Native, browsers and Node.js.
 *
 * @packageDocumentation
 */
export { Client, createClient, type ClientOptions, type PendingUpload } from "./client.js";
export {
  UploaderError,
  type ClientErrorCode,
  type ErrorCode,
  type ErrorDetails,
  type ServiceErrorCode,
} from "./errors.js";
export type { Chunk, FileAdapter, Source } from "./files/source.js";
export type { UriFile } from "./files/uri.js";
export type { Connectivity } from "./http/connectivity.js";
export type { Authorize } from "./http/service.js";
export {
  ConnectionError,
  type Body,
  type HttpRequest,
  type HttpResponse,
  type StreamBody,
  type Transport,
  type UriBody,
} from "./http/transport.js";
export { Pages, type Page } from "./pages.js";
export {
  Resources,
  type Bucket,
  type CallOptions,
  type CreatedBucket,
  type ListedFile,
  type ListOptions,
  type NewShareLink,
  type PresignedUrl,
  type RecordFilter,
  type ShareLink,
  type Usage,
} from "./resources.js";
export type { UploadRecord } from "./uploads/announced.js";
export type { HandedOver } from "./uploads/handover.js";
export type { JournalEntry } from "./uploads/journal.js";
export type { UploadOptions, UploadState } from "./uploads/options.js";
export type { UploadProgress } from "./uploads/progress.js";
export { UploadQueue, type QueueOptions, type QueueTotals } from "./uploads/queue.js";
export { asyncStorage, type AsyncStorageLike, type KeyValueStorage } from "./uploads/storage.js";
export { UploadTask } from "./uploads/task.js";
