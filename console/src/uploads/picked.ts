import { _ } from "../text.ts";

/** A way to open a file again after a reload: a handle of the file, or of a folder above it and the path from there. */
export interface Source {
  handle: FileSystemHandle;
  /** Names of the folders from the handle on, then of the file; empty if the handle is the file's own. */
  steps: readonly string[];
}

/** A file that the user chose, dropped or pasted. */
export interface Picked {
  file: File;
  /** The folders that came with the file, and its name. */
  path: string;
  source?: Source | undefined;
}

/** Files of one drop or choice, and everything in it that is no file to send. */
export interface Selection {
  picked: readonly Picked[];
  emptyFolders: readonly string[];
  unreadable: readonly string[];
}

/** Items of a drag, where the browser gives handles that outlive the page. */
interface HandleItem extends DataTransferItem {
  getAsFileSystemHandle?(): Promise<FileSystemHandle | null>;
}

/**
 * Read what was dropped, with all files of all folders, in their order. Call it in the handler of the event: the items are
 * gone afterwards. `onFound` is called with the number of files so far.
 */
export async function readDrop(transfer: DataTransfer, onFound: (files: number) => void): Promise<Selection> {
  const items = Array.from(transfer.items).filter(({ kind }) => kind === "file") as HandleItem[];
  // A page without https has no handles, and some files have none: then the user chooses them again after a reload.
  const roots = items.map((item) => ({
    entry: item.webkitGetAsEntry(),
    file: item.getAsFile(),
    handle: item.getAsFileSystemHandle?.().catch(() => null),
  }));
  const walk = new Walk(onFound);
  for (const { entry, file, handle } of roots) {
    const root = (await handle) ?? undefined;
    if (entry) walk.add(await walk.read(entry, root, []));
    else if (file) walk.add([{ file, path: file.name, ...(root ? { source: { handle: root, steps: [] } } : {}) }]);
  }
  return walk.selection;
}

/** Reads the folders of one drop. */
class Walk {
  private readonly picked: Picked[] = [];
  private readonly emptyFolders: string[] = [];
  private readonly unreadable: string[] = [];
  private found = 0;
  private readonly onFound: (files: number) => void;

  constructor(onFound: (files: number) => void) {
    this.onFound = onFound;
  }

  get selection(): Selection {
    return { picked: this.picked, emptyFolders: this.emptyFolders, unreadable: this.unreadable };
  }

  add(picked: readonly Picked[]): void {
    for (const each of picked) this.picked.push(each);
  }

  async read(entry: FileSystemEntry, root: FileSystemHandle | undefined, steps: string[]): Promise<readonly Picked[]> {
    const path = entry.fullPath.replace(/^\/+/, "");
    try {
      if (isFile(entry)) return [await this.open(entry, path, root && { handle: root, steps })];
      if (isFolder(entry)) return await this.readFolder(entry, path, root, steps);
    } catch {
      this.unreadable.push(path);
    }
    return [];
  }

  private async open(entry: FileSystemFileEntry, path: string, source: Source | undefined): Promise<Picked> {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    this.found += 1;
    this.onFound(this.found);
    return { file, path, source };
  }

  private async readFolder(
    folder: FileSystemDirectoryEntry,
    path: string,
    root: FileSystemHandle | undefined,
    steps: string[],
  ): Promise<readonly Picked[]> {
    const reader = folder.createReader();
    const picked: Picked[] = [];
    let isEmpty = true;
    for (;;) {
      // A browser returns some of the entries, at most 100 in Chromium, and none at the end.
      const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (!entries.length) break;
      isEmpty = false;
      for (const files of await Promise.all(entries.map((each) => this.read(each, root, [...steps, each.name])))) {
        for (const file of files) picked.push(file);
      }
    }
    if (isEmpty) this.emptyFolders.push(path);
    return picked;
  }
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

/** Return the files of an input or of the clipboard. A folder that was chosen tells the path of each file. */
export function readFiles(files: Iterable<File>): Selection {
  const picked = Array.from(files, (file) => ({ file, path: file.webkitRelativePath || file.name }));
  return { picked, emptyFolders: [], unreadable: [] };
}

/** Return pasted files. Browsers call every pasted picture the same, so it gets the time as its name. */
export function readPaste(files: Iterable<File>, now: Date): Selection {
  const renamed = Array.from(files, (file) => {
    if (file.name !== "image.png") return file;
    const [day = "", time = ""] = now.toISOString().split(/[T.]/);
    return new File([file], `image ${day} ${time.replaceAll(":", ".")}.png`, {
      type: file.type,
      lastModified: file.lastModified,
    });
  });
  return readFiles(renamed);
}

/** Pickers of the File System Access API, whose files can be opened again after a reload. */
interface HandlePickers {
  showOpenFilePicker?(options: { multiple: boolean }): Promise<FileSystemFileHandle[]>;
}

/** Open the picker whose files survive a reload. Returns null if the browser has none, and nothing if the user cancels. */
export async function pickWithHandles(): Promise<Selection | null> {
  const { showOpenFilePicker } = window as HandlePickers;
  if (!showOpenFilePicker) return null;
  let handles: FileSystemFileHandle[];
  try {
    handles = await showOpenFilePicker.call(window, { multiple: true });
  } catch (error) {
    // A frame of another origin may not open this picker, only the plain one.
    return (error as Error).name === "AbortError" ? readFiles([]) : null;
  }
  const opened = await Promise.allSettled(handles.map((handle) => handle.getFile()));
  const picked: Picked[] = [];
  const unreadable: string[] = [];
  opened.forEach((result, index) => {
    const handle = handles[index];
    if (!handle) return;
    if (result.status === "rejected") unreadable.push(handle.name);
    else picked.push({ file: result.value, path: handle.name, source: { handle, steps: [] } });
  });
  return { picked, emptyFolders: [], unreadable };
}

/** A handle as Chromium extends it. */
interface AskingHandle extends FileSystemHandle {
  requestPermission?(options: { mode: "read" }): Promise<PermissionState>;
}

/** Open a file again after a reload; call it in the handler of a click. Throws if the user or the browser refuses. */
export async function reopen({ handle, steps }: Source): Promise<File> {
  const asking = handle as AskingHandle;
  const permission = (await asking.requestPermission?.({ mode: "read" })) ?? "granted";
  if (permission !== "granted") throw new Error(_("Your browser was not allowed to read the file."));
  let place = handle;
  for (const [index, name] of steps.entries()) {
    const folder = place as FileSystemDirectoryHandle;
    place = await (index < steps.length - 1 ? folder.getDirectoryHandle(name) : folder.getFileHandle(name));
  }
  return (place as FileSystemFileHandle).getFile();
}

/** Open the browser's own picker. Resolves with no files if the user cancels. Call it in the handler of a click. */
export function pick({ folder = false, multiple = true } = {}): Promise<File[]> {
  return new Promise((resolve) => {
    const input = document.createElement("input");
    input.type = "file";
    input.multiple = multiple;
    input.webkitdirectory = folder;
    // Outside the document, Safari forgets the input before the user has chosen.
    input.hidden = true;
    const end = () => {
      input.remove();
      resolve(Array.from(input.files ?? []));
    };
    input.addEventListener("change", end);
    input.addEventListener("cancel", end);
    document.body.append(input);
    input.click();
  });
}
