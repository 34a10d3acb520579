import { page } from "../page.ts";
import type { Source } from "./picked.ts";

/** A file that a new one replaces. */
export interface Replaced {
  /** The object key. */
  key: string;
}

/** The facts about an upload that the console needs after a reload, besides the journal of the client. */
export interface Note {
  /** The key of the upload. */
  key: string;
  account: string;
  bucket: string;
  path: string;
  /** Opens the file again. */
  source?: Source | undefined;
  /** Files to delete once the new one is stored. */
  replaces: readonly Replaced[];
  /** The record of the new file, once the service has all its bytes. */
  recordId?: string | undefined;
}

const DATABASE = "s3-file-uploader-console";
const STORE = "uploads";

/**
 * Notes in IndexedDB, the one storage that takes handles of files. Where a browser refuses it, an upload still works; it
 * only is less comfortable after a reload.
 */
export class Notes {
  private readonly account: string;
  private database: Promise<IDBDatabase> | undefined;

  constructor(account: string) {
    this.account = account;
  }

  /** Write down what an upload needs after a reload, if it needs more than the client keeps. */
  async keep(upload: Omit<Note, "account" | "key">, key: string): Promise<void> {
    const { bucket, path, recordId, replaces, source } = upload;
    if (source || replaces.length) await this.save({ key, bucket, path, replaces, source, recordId });
  }

  private async save(note: Omit<Note, "account">): Promise<void> {
    await this.run("readwrite", (store) => store.put({ ...note, account: this.account }));
  }

  async remove(key: string): Promise<void> {
    await this.run("readwrite", (store) => store.delete(key));
  }

  /** Return the notes of the user who is signed in, by the keys of their uploads. */
  async all(): Promise<Map<string, Note>> {
    const notes = (await this.run<Note[]>("readonly", (store) => store.getAll())) ?? [];
    return new Map(notes.filter(({ account }) => account === this.account).map((note) => [note.key, note]));
  }

  private async run<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest): Promise<T | undefined> {
    try {
      this.database ??= open();
      const transaction = (await this.database).transaction(STORE, mode);
      return await settle<T>(act(transaction.objectStore(STORE)));
    } catch {
      return undefined;
    }
  }
}

async function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "key" });
  return settle(request);
}

function settle<T>(request: IDBRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result as T);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed."));
  });
}

export const notes = new Notes(page.user.id);
