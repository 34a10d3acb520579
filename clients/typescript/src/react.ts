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

/** One upload, as a component shows it. */
export interface UploadHook {
  /** Start an upload; an earlier one of this hook goes on unseen. */
  upload(file: unknown, options: UploadOptions): UploadTask;
  task: UploadTask | undefined;
  state: UploadState | undefined;
  progress: UploadProgress | undefined;
  record: UploadRecord | undefined;
  error: UploaderError | undefined;
  pause(): void;
  resume(file?: unknown): void;
  cancel(): Promise<void>;
}

/** Upload one file, and render each change. Leaving the screen does not stop the upload. */
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

/** Several uploads, as a component shows them. */
export interface UploadsHook {
  /** Add files at the end of the queue. */
  add(files: readonly unknown[], options: UploadOptions): void;
  tasks: readonly UploadTask[];
  totals: QueueTotals;
  /** What an earlier run of the app has left. Resumed uploads move to `tasks`. */
  pending: readonly PendingUpload[];
  resumePending(left: PendingUpload, file?: unknown): void;
  discardPending(left: PendingUpload): Promise<void>;
  pause(): void;
  resume(): void;
  cancel(): Promise<void>;
}

/** Upload several files in order, and take up what an earlier run has left. */
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
    tasks: queue.tasks,
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

/** The files of a bucket, as a component shows them. */
export interface FilesHook {
  files: readonly ListedFile[];
  isLoading: boolean;
  error: UploaderError | undefined;
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
