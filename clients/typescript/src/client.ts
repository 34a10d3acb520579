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

export interface ClientOptions {
  /** Address of the service, such as `https://example.com/modules/s3-file-uploader/service`. */
  baseUrl: string;
  /** Returns the `Authorization` header. Asked before every request, and with `rejected` once after a 401. */
  authorization?: Authorize;
  /** More headers for the service, such as `X-CSRFToken`. S3 never gets them. */
  headers?: () => Record<string, string>;
  /** Send cookies to a service on another origin. Default: false. */
  credentials?: boolean;
  /** Remembers unfinished uploads. Default: `localStorage`; elsewhere give one, or they end with the process. */
  storage?: KeyValueStorage;
  /** Who is signed in. `pending()` lists only what was begun under the same name. Default: one list for all. */
  account?: string;
  /** Reads files of React Native in parts: `expoFiles(FileSystem)` or `blobUtilFiles(ReactNativeBlobUtil)`. */
  files?: FileAdapter;
  /** Tells of the network and of an app that comes to the front. Default: the events of a browser. */
  connectivity?: Connectivity;
  /** Seconds without a byte, after which a request counts as lost. Default: 30. */
  stallSeconds?: number;
  /** Seconds without any success, after which an upload fails; it can be resumed. Time offline does not count. Default: 900. */
  patienceSeconds?: number;
  /** Sends requests. Default: XMLHttpRequest. */
  transport?: Transport;
}

/** An upload that a kill, a reload or a failure has left. */
export interface PendingUpload extends JournalEntry {
  /** Like `resume`, but the upload starts with `start()`, or when an `UploadQueue` comes to it. */
  prepare(file?: unknown, options?: Partial<UploadOptions>): UploadTask;
  /** Go on from what S3 holds. `file` may be left out where the file can be found again by its address. */
  resume(file?: unknown, options?: Partial<UploadOptions>): UploadTask;
  /** Forget the upload, and remove from S3 what has arrived. */
  discard(): Promise<void>;
}

const STALL_SECONDS = 30;
const PATIENCE_SECONDS = 900;

/** The service, from a phone, a browser or Node.js. */
export class Client extends Resources {
  protected readonly context: Context;

  constructor(options: ClientOptions) {
    const context = createContext(options);
    super(context.service);
    this.context = context;
  }

  /** Start an upload. `file` is a Blob, a Uint8Array, `{uri, name, type, size}`, or what the adapter opens. */
  upload(file: unknown, options: UploadOptions): UploadTask {
    const task = this.prepare(file, options);
    task.start();
    return task;
  }

  /** Create an upload that starts with `start()`, or when an `UploadQueue` comes to it. */
  prepare(file: unknown, options: UploadOptions): UploadTask {
    return new UploadTask(this.context, file, options);
  }

  /** Upload several files, in order. `options` may be a function of the file. */
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

  /** Return what a kill, a reload or a failure has left, oldest first. Uploads that still run are not among them. */
  async pending(): Promise<PendingUpload[]> {
    const entries = await this.context.journal.list();
    return entries.filter(({ key }) => !this.context.live.has(key)).map((entry) => this.pendingOf(entry));
  }

  /**
   * Announce a file of up to 5 GiB, and return the request that a native background uploader sends as it is.
   *
   * The upload ends with `settle(uploadId)`, at the latest when the app runs again: `pending()` lists it until then.
   */
  handOver(file: unknown, options: UploadOptions): Promise<HandedOver> {
    return handOver(this.context, file, options);
  }

  /** Have the service verify what a background uploader has sent, and return the record. */
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
    const { bucket, contentType, fileName, handedOver, overwrite, userId } = entry;
    const via = handedOver ? "put" : "auto";
    return new UploadTask(
      this.context,
      file,
      { bucket, fileName, contentType, overwrite, userId, via, ...options },
      entry,
    );
  }
}

/** Create a client. It holds no connection; create it once. */
export function createClient(options: ClientOptions): Client {
  return new Client(options);
}

function createContext(options: ClientOptions): Context {
  const connectivity = options.connectivity ?? detectConnectivity();
  const transport = options.transport ?? sendByXhr;
  const { authorization, baseUrl, credentials = false, headers } = options;
  const { stallSeconds = STALL_SECONDS, patienceSeconds = PATIENCE_SECONDS } = options;
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
  };
}
