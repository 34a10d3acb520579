import type { Context } from "./context.js";
import type { FileAdapter } from "./files/source.js";
import { detectConnectivity, type Connectivity } from "./http/connectivity.js";
import { Service, type Authorize } from "./http/service.js";
import type { Transport } from "./http/transport.js";
import { sendByXhr } from "./http/xhr.js";
import { Resources, type CallOptions } from "./resources.js";
import { handOver, settle, type HandedOver } from "./uploads/handover.js";
import { Journal, type JournalEntry } from "./uploads/journal.js";
import type { UploadRecord } from "./uploads/announced.js";
import type { UploadOptions } from "./uploads/options.js";
import { UploadQueue, type QueueOptions } from "./uploads/queue.js";
import { Routes } from "./uploads/routes.js";
import { defaultStorage, type KeyValueStorage } from "./uploads/storage.js";
import { UploadTask } from "./uploads/task.js";

/** Options of `createClient`. */
export interface ClientOptions {
  /** Address of the service, such as `https://example.com/modules/s3-file-uploader/service`. */
  baseUrl: string;
  /**
   * Returns the `Authorization` header. The client asks before every request to the service, and once more with
   * `rejected: true` after a 401, so that an app can refresh its token. S3 never gets the header.
   */
  authorization?: Authorize;
  /** More headers for the service, such as `X-CSRFToken`. S3 never gets them. */
  headers?: () => Record<string, string>;
  /** Send cookies to a service on another origin. Default: false. */
  credentials?: boolean;
  /**
   * Remembers unfinished uploads: no bytes, no URLs, no credentials. Default: `localStorage` in browsers. In React Native
   * and Node.js pass one, or unfinished uploads end with the process.
   */
  storage?: KeyValueStorage;
  /** The user who is signed in. `pending()` lists only what was begun under the same name. Default: one list for all. */
  account?: string;
  /** Reads files of React Native in parts: `expoFiles(FileSystem)` or `blobUtilFiles(ReactNativeBlobUtil)`. */
  files?: FileAdapter;
  /** Reports the network, and an app that comes to the front. Default: the `online` event of browsers. */
  connectivity?: Connectivity;
  /** Seconds without a byte, after which a request counts as lost. Default: 30. */
  stallSeconds?: number;
  /**
   * Seconds without any success, after which an upload fails with `connection_lost`. It can be resumed. Time offline does
   * not count. Default: 900.
   */
  patienceSeconds?: number;
  /**
   * Files below this size go through the server in one request, under keys of their own all the same; a direct upload
   * takes three requests. Default: 65,536. 0 sends every file to S3 itself.
   */
  smallFileBytes?: number;
  /** Sends requests. Default: XMLHttpRequest; in Node.js its own HTTP client. */
  transport?: Transport;
}

/** An upload that a kill, a reload or a failure has left. */
export interface PendingUpload extends JournalEntry {
  /** Like `resume`, but the upload starts with `start()`, or in its turn after `UploadQueue.add`. */
  prepare(file?: unknown, options?: Partial<UploadOptions>): UploadTask;
  /**
   * Resume from the parts that S3 holds. Leave `file` out if `uri` is set: the client then opens that address again. A
   * browser needs the same `File` again, chosen by the user.
   */
  resume(file?: unknown, options?: Partial<UploadOptions>): UploadTask;
  /** Forget the upload, and remove its parts from S3. */
  discard(): Promise<void>;
}

const STALL_SECONDS = 30;
const PATIENCE_SECONDS = 900;
const SMALL_FILE_BYTES = 64 * 1024;

/**
 * A client of one service. Create it once with `createClient`, and share it. It holds no connection.
 *
 * Methods that return a promise throw `UploaderError`.
 */
export class Client extends Resources {
  protected readonly context: Context;

  /** @internal */
  constructor(options: ClientOptions) {
    const context = createContext(options);
    super(context.service);
    this.context = context;
  }

  /**
   * Start an upload, and return its task at once.
   *
   * `file` is a `File`, a `Blob`, a `Uint8Array`, `{uri, name, type, size}` as the pickers of React Native return it, or a
   * file that the adapter opens: an Expo `File`; a path, a `file:` URL or a stream in Node.js.
   */
  upload(file: unknown, options: UploadOptions): UploadTask {
    const task = this.prepare(file, options);
    task.start();
    return task;
  }

  /** Create an upload that starts with `start()`, or in its turn after `UploadQueue.add`. */
  prepare(file: unknown, options: UploadOptions): UploadTask {
    return new UploadTask(this.context, file, options);
  }

  /** Upload several files in order, a few at once. `options` may be a function of the file and its index. */
  uploadMany<T>(
    files: readonly T[],
    options: UploadOptions | ((file: T, index: number) => UploadOptions),
    queueOptions?: QueueOptions,
  ): UploadQueue {
    const queue = new UploadQueue(queueOptions);
    const optionsOf = typeof options === "function" ? options : () => options;
    queue.add(...files.map((file, index) => this.prepare(file, optionsOf(file, index))));
    return queue;
  }

  /**
   * Return the unfinished uploads that `storage` remembers, oldest first: after a kill, a reload or a failure. Uploads that
   * still run are not among them.
   */
  async pending(): Promise<PendingUpload[]> {
    const entries = await this.context.journal.list();
    return entries.filter(({ key }) => !this.context.live.has(key)).map((entry) => this.pendingOf(entry));
  }

  /**
   * Announce a file of up to 5 GiB, and return the request that a native background uploader sends unchanged.
   *
   * Call `settle(uploadId)` when the uploader is done, at the latest when the app runs again: `pending()` lists the upload
   * until then, with `handedOver`. The URL works until `expiresAt`, an hour after the request; a transfer that began before
   * then may end after it.
   */
  handOver(file: unknown, options: UploadOptions): Promise<HandedOver> {
    return handOver(this.context, file, options);
  }

  /**
   * Complete an upload that was handed over: the service verifies size, type and checksum, and returns the record.
   *
   * Throws `parts_missing` while S3 does not hold the file, and `size_mismatch`, `checksum_mismatch` or
   * `content_type_mismatch` if it holds other bytes, which the service then removes.
   */
  settle(uploadId: string, { signal }: CallOptions = {}): Promise<UploadRecord> {
    return settle(this.context, uploadId, signal);
  }

  private pendingOf(entry: JournalEntry): PendingUpload {
    const { fileName, size, uri } = entry;
    const earlier = uri ? { uri, name: fileName, size } : undefined;
    const prepare: PendingUpload["prepare"] = (file = earlier, options = {}) => this.taskOf(entry, file, options);
    const resume: PendingUpload["resume"] = (file, options) => {
      const task = prepare(file, options);
      task.start();
      return task;
    };
    return { ...entry, prepare, resume, discard: () => prepare().cancel() };
  }

  private taskOf(entry: JournalEntry, file: unknown, options: Partial<UploadOptions>): UploadTask {
    const { bucket, contentType, fileName, overwrite, userId, via } = entry;
    return new UploadTask(
      this.context,
      file,
      { bucket, fileName, contentType, overwrite, userId, via, ...options },
      entry,
    );
  }
}

/** Create a client of the service at `baseUrl`. */
export function createClient(options: ClientOptions): Client {
  return new Client(options);
}

function createContext(options: ClientOptions): Context {
  const connectivity = options.connectivity ?? detectConnectivity();
  const transport = options.transport ?? sendByXhr;
  const { authorization, baseUrl, credentials = false, headers } = options;
  const {
    stallSeconds = STALL_SECONDS,
    patienceSeconds = PATIENCE_SECONDS,
    smallFileBytes = SMALL_FILE_BYTES,
  } = options;
  const service = new Service({ authorization, baseUrl, connectivity, credentials, headers, stallSeconds, transport });
  return {
    service,
    transport,
    connectivity,
    routes: new Routes(service),
    journal: new Journal(options.storage ?? defaultStorage(), options.account),
    live: new Set(),
    adapter: options.files,
    stallSeconds,
    patienceSeconds,
    smallFileBytes,
  };
}
