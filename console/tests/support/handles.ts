import type { BrowserContext } from "playwright-core";

/**
 * Give pages a picker whose handles survive a reload, as Chromium's own. A headless Chromium crashes when it reads a handle
 * from IndexedDB, so a handle here is the name of a file in the origin's private file system.
 */
export async function keepHandles(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const restore = (name: string) => ({
      kind: "file",
      name,
      requestPermission: () => Promise.resolve((window as { refuse?: boolean }).refuse ? "denied" : "granted"),
      getFile: async () => (await (await navigator.storage.getDirectory()).getFileHandle(name)).getFile(),
    });
    type Kept = { source?: { handle: unknown } };
    const { getAll, put } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.put = function (note: Kept & { source?: { handle: { name: string } } }) {
      const kept = note.source ? { ...note, source: { ...note.source, handle: note.source.handle.name } } : note;
      return put.call(this, kept);
    };
    IDBObjectStore.prototype.getAll = function () {
      const request = getAll.call(this);
      request.addEventListener("success", () => {
        for (const { source } of request.result as Kept[]) if (source) source.handle = restore(String(source.handle));
      });
      return request;
    };
    Object.assign(window, {
      showOpenFilePicker: async () => {
        const names = ["kept.mp4", "moved.mp4"];
        const root = await navigator.storage.getDirectory();
        for (const name of names) {
          const writable = await (await root.getFileHandle(name, { create: true })).createWritable();
          await writable.write(new Uint8Array(7_000_000).fill(name.length));
          await writable.close();
        }
        return names.map(restore);
      },
    });
  });
}
