import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Client, PendingUpload } from "./client.js";
import { toUploaderError, type UploaderError } from "./errors.js";
import type { Pages } from "./pages.js";
import type { ListedFile, ListOptions } from "./resources.js";
import type { UploadRecord } from "./uploads/announced.js";
import type { UploadOptions, UploadState } from "./uploads/options.js";
import type { UploadProgress } from "./uploads/progress.js";
import { UploadQueue, type QueueOptions, type QueueTotals } from "./uploads/queue.js";
import type { UploadTask } from "./uploads/task.js";

/** Return value of `useUpload`. */
export interface UploadHook {
  /** Start an upload. An earlier upload of this hook goes on without being shown. */
  upload(file: unknown, options: UploadOptions): UploadTask;
  /** The task; undefined before the first upload, like the fields below. */
  task: UploadTask | undefined;
  state: UploadState | undefined;
  progress: UploadProgress | undefined;
  /** The record, once the upload is `stored`. */
  record: UploadRecord | undefined;
  /** The error of a failed upload, or the reason for which it waits. */
  error: UploaderError | undefined;
  /** Pause the upload. */
  pause(): void;
  /** Resume after a pause or a failure. */
  resume(file?: unknown): void;
  /** Cancel the upload, and remove its parts from S3. */
  cancel(): Promise<void>;
}

/** Upload one file, and render after each change. The upload goes on when the component unmounts. */
export function useUpload(client: Client): UploadHook {
  const [task, setTask] = useState<UploadTask>();
  useTaskChanges(task);
  const upload = useCallback(
    (file: unknown, options: UploadOptions) => {
      const started = client.upload(file, options);
      setTask(started);
      return started;
    },
    [client],
  );
  const pause = useCallback(() => task?.pause(), [task]);
  const resume = useCallback((file?: unknown) => task?.resume(file), [task]);
  const cancel = useCallback(async () => task?.cancel(), [task]);
  const { error, progress, record, state } = task ?? {};
  return { upload, task, state, progress, record, error, pause, resume, cancel };
}

/** Return value of `useUploads`. */
export interface UploadsHook {
  /** Add files at the end of the queue. */
  add(files: readonly unknown[], options: UploadOptions): void;
  tasks: readonly UploadTask[];
  /** Sums over `tasks`. */
  totals: QueueTotals;
  /** Unfinished uploads of an earlier run of the app. A resumed one moves to `tasks`. */
  pending: readonly PendingUpload[];
  /** Resume an unfinished upload. `file`: see `PendingUpload.resume`. */
  resumePending(left: PendingUpload, file?: unknown): void;
  /** Forget an unfinished upload, and remove its parts from S3. */
  discardPending(left: PendingUpload): Promise<void>;
  /** Pause each upload. */
  pause(): void;
  /** Resume each upload that is paused or failed. */
  resume(): void;
  /** Cancel each upload. */
  cancel(): Promise<void>;
}

/** Upload several files in order, and offer the unfinished uploads of an earlier run. */
export function useUploads(client: Client, options?: QueueOptions): UploadsHook {
  const render = useRender();
  const [pending, setPending] = useState<readonly PendingUpload[]>([]);
  const first = useRef(options);
  const queue = useMemo(() => new UploadQueue({ ...first.current, onChange: render }), [client, render]);
  useEffect(() => {
    void client.pending().then(setPending);
  }, [client]);
  const drop = (left: PendingUpload) => setPending((all) => all.filter(({ key }) => key !== left.key));
  return {
    add: (files, uploadOptions) => queue.add(...files.map((file) => client.prepare(file, uploadOptions))),
    tasks: [...queue.tasks], // The React Compiler renders a list again only if it is another array.
    totals: queue.totals,
    pending,
    resumePending(left, file) {
      drop(left);
      queue.add(left.resume(file));
    },
    async discardPending(left) {
      await left.discard();
      drop(left);
    },
    pause: () => queue.pause(),
    resume: () => queue.resume(),
    cancel: () => queue.cancel(),
  };
}

/** Return value of `useFiles`. */
export interface FilesHook {
  files: readonly ListedFile[];
  isLoading: boolean;
  error: UploaderError | undefined;
  /** True if there is another page. */
  hasMore: boolean;
  /** Load the next page. */
  more(): Promise<void>;
  /** Load the list anew, for example after an upload. */
  refresh(): Promise<void>;
}

/** List the files of a bucket, page by page. */
export function useFiles(client: Client, bucket: string, options: ListOptions & { prefix?: string } = {}): FilesHook {
  const { pageSize, prefix } = options;
  const [list, setList] = useState<{ files: ListedFile[]; hasMore: boolean }>({ files: [], hasMore: false });
  const [isLoading, setIsLoading] = useState(true);
  const [error, setError] = useState<UploaderError>();
  const pages = useRef<Pages<ListedFile>>(undefined);

  const load = useCallback(async (from: Pages<ListedFile>, earlier: ListedFile[]) => {
    pages.current = from;
    setIsLoading(true);
    try {
      const page = await from.page();
      if (pages.current !== from) return; // Another list was asked for in the meantime.
      setList({ files: [...earlier, ...(page?.items ?? [])], hasMore: page !== null && !page.isLast });
      setError(undefined);
    } catch (failure) {
      if (pages.current === from) setError(toUploaderError(failure));
    } finally {
      if (pages.current === from) setIsLoading(false);
    }
  }, []);

  const refresh = useCallback(() => {
    const query = { ...(pageSize ? { pageSize } : {}), ...(prefix ? { prefix } : {}) };
    return load(client.files(bucket, query), []);
  }, [client, bucket, pageSize, prefix, load]);
  const more = async () => {
    if (pages.current && list.hasMore && !isLoading) await load(pages.current, list.files);
  };
  useEffect(() => {
    void refresh();
  }, [refresh]);
  return { ...list, isLoading, error, more, refresh };
}

function useTaskChanges(task: UploadTask | undefined): void {
  const render = useRender();
  useEffect(() => {
    render(); // For changes between the render and this subscription.
    return task?.subscribe(render);
  }, [task, render]);
}

function useRender(): () => void {
  const [, setCount] = useState(0);
  return useCallback(() => setCount((count) => count + 1), []);
}
