import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { Client, PendingUpload } from "./client.js";
import { FileList, type FilesQuery, type ShownFiles } from "./react/file-list.js";
import type { UploadOptions } from "./uploads/options.js";
import { UploadQueue, type QueueOptions, type QueueTotals } from "./uploads/queue.js";
import type { UploadTask } from "./uploads/task.js";

export type { FilesQuery } from "./react/file-list.js";

type Fields = Pick<UploadTask, "key" | "fileName" | "state" | "progress" | "error" | "record">;

/** One upload, as it was when the component rendered. A change makes another object, so rows may be memoized. */
export interface UploadView extends Readonly<Fields> {
  /** Pause the upload. */
  pause: () => void;
  /** Resume after a pause or a failure. Pass the same file again if its old handle does not work any more. */
  resume: (file?: unknown) => void;
  /** Cancel the upload, and remove its parts from S3. */
  cancel: () => Promise<void>;
}

/** One upload, and what a component can do with it. Before the first upload, the fields of the view are undefined. */
export interface UploadHook extends Partial<Fields> {
  /** Start an upload. An earlier one of this hook goes on, but is not shown any more. */
  upload: (file: unknown, options: UploadOptions) => UploadTask;
  /** Pause the upload. */
  pause: () => void;
  /** Resume after a pause or a failure. */
  resume: () => void;
  /** Cancel the upload, and remove its parts from S3. */
  cancel: () => Promise<void>;
}

/** Upload one file, and render after each change. The upload goes on when the component unmounts. */
export function useUpload(client: Client): UploadHook {
  const [task, setTask] = useState<UploadTask>();
  const view = useSnapshot(task, () => task && viewOf(task));
  const commands = useMemo(
    () => ({
      upload(file: unknown, options: UploadOptions) {
        const started = client.upload(file, options);
        setTask(started);
        return started;
      },
      pause: () => task?.pause(),
      resume: () => task?.resume(),
      cancel: async () => task?.cancel(),
    }),
    [client, task],
  );
  return { ...view, ...commands };
}

/** Several uploads, and what a component can do with them. */
export interface UploadsHook {
  /** Add files at the end of the queue. */
  add: (files: readonly unknown[], options: UploadOptions) => UploadTask[];
  /** The uploads of the queue, in order. */
  uploads: readonly UploadView[];
  /** Sums over `uploads`. */
  totals: QueueTotals;
  /** Unfinished uploads of an earlier run of the app. `resume()` moves one to `uploads`, `discard()` removes it. */
  pending: readonly PendingUpload[];
  /** Pause each upload. */
  pause: () => void;
  /** Resume each upload that is paused or failed. */
  resume: () => void;
  /** Cancel each upload. */
  cancel: () => Promise<void>;
  /** Remove the stored and cancelled uploads from the list. */
  clear: () => void;
}

/**
 * Upload several files in order, and offer the unfinished uploads of an earlier run.
 *
 * The queue belongs to the client: every screen with the same client shows the same uploads, and leaving a screen stops
 * none. The first screen decides with `options.files` how many files are sent at once.
 */
export function useUploads(client: Client, options?: Pick<QueueOptions, "files">): UploadsHook {
  const queue = queueOf(client, options);
  const uploads = useSnapshot(queue, () => viewsOf(queue));
  const pending = usePending(client, queue);
  const commands = useMemo(
    () => ({
      add(files: readonly unknown[], uploadOptions: UploadOptions) {
        const tasks = files.map((file) => client.prepare(file, uploadOptions));
        queue.add(...tasks);
        return tasks;
      },
      pause: () => queue.pause(),
      resume: () => queue.resume(),
      cancel: () => queue.cancel(),
      clear: () => queue.clear(),
    }),
    [client, queue],
  );
  return { uploads, totals: queue.totals, pending, ...commands };
}

function usePending(client: Client, queue: UploadQueue): readonly PendingUpload[] {
  const [list, setList] = useState<{ client?: Client; pending: PendingUpload[] }>({ pending: [] });
  useEffect(() => {
    let isCurrent = true;
    const drop = ({ key }: PendingUpload) =>
      setList((before) => ({ ...before, pending: before.pending.filter((left) => left.key !== key) }));
    const inQueue = (left: PendingUpload): PendingUpload => ({
      ...left,
      resume(file, options) {
        const running = queue.tasks.find(({ key }) => key === left.key);
        if (running) return running; // A button can be pressed twice before the list renders anew.
        const task = left.prepare(file, options);
        queue.add(task);
        drop(left);
        return task;
      },
      async discard() {
        await left.discard();
        drop(left);
      },
    });
    void client.pending().then((found) => {
      const unknown = found.filter(({ key }) => !queue.tasks.some((task) => task.key === key));
      if (isCurrent) setList({ client, pending: unknown.map(inQueue) });
    });
    return () => {
      isCurrent = false;
    };
  }, [client, queue]);
  return list.client === client ? list.pending : NOTHING_PENDING;
}

const NOTHING_PENDING: readonly PendingUpload[] = [];

/** The files of a bucket, and what a component can do with them. */
export interface FilesHook extends ShownFiles {
  /** Load the next page, if there is one and no page is being loaded. */
  more: () => Promise<void>;
  /** Load the list anew, for example after an upload. As many files as before stay in view. */
  refresh: () => Promise<void>;
}

/**
 * List the files of a bucket, page by page.
 *
 * @param query - The size of a page, and the prefix of the keys.
 */
export function useFiles(client: Client, bucket: string, { pageSize, prefix }: FilesQuery = {}): FilesHook {
  const list = useMemo(() => {
    const query = { ...(pageSize ? { pageSize } : {}), ...(prefix ? { prefix } : {}) };
    return new FileList(client, bucket, query);
  }, [client, bucket, pageSize, prefix]);
  useEffect(() => {
    void list.refresh();
    return () => list.stop();
  }, [list]);
  const { more, refresh } = list;
  return { ...useSnapshot(list, () => list.shown), more, refresh };
}

interface Observable {
  subscribe(listener: () => void): () => void;
}

/** Render whenever the snapshot of `source` is another object. */
function useSnapshot<T>(source: Observable | undefined, read: () => T): T {
  const subscribe = useCallback((listener: () => void) => source?.subscribe(listener) ?? ignore, [source]);
  return useSyncExternalStore(subscribe, read, read);
}

function ignore(): void {
  // There is nothing to unsubscribe from.
}

const queues = new WeakMap<Client, UploadQueue>();
const views = new WeakMap<UploadTask | UploadQueue, object>();

function queueOf(client: Client, options?: QueueOptions): UploadQueue {
  const queue = queues.get(client) ?? new UploadQueue(options);
  queues.set(client, queue);
  return queue;
}

function viewsOf(queue: UploadQueue): readonly UploadView[] {
  return remember(queue, queue.tasks.map(viewOf));
}

function viewOf(task: UploadTask): UploadView {
  const { error, fileName, key, progress, record, state } = task;
  const { pause, resume, cancel } = (views.get(task) as UploadView | undefined) ?? {
    pause: () => task.pause(),
    resume: (file) => task.resume(file),
    cancel: () => task.cancel(),
  };
  return remember(task, { key, fileName, state, progress, error, record, pause, resume, cancel });
}

/** Return the last view if nothing differs. */
function remember<T extends object>(of: UploadTask | UploadQueue, view: T): T {
  const last = views.get(of) as T | undefined;
  const names = Object.keys(view) as (keyof T)[];
  if (last && names.length === Object.keys(last).length && names.every((name) => last[name] === view[name]))
    return last;
  views.set(of, view);
  return view;
}
