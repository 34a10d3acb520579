const PREFIX = "s3-file-uploader-upload:";

/**
 * Uploads that this tab holds, so that no other tab sends them, too. The browser frees them when the tab closes or crashes.
 * Pages without https have no locks: there, the user should resume in one tab.
 */
export class Holds {
  private readonly releases = new Map<string, () => void>();
  private readonly locks = (navigator as Partial<Navigator>).locks;

  /** Hold an upload. Returns false if another tab has it. */
  hold(key: string): Promise<boolean> {
    const { locks } = this;
    if (!locks || this.releases.has(key)) return Promise.resolve(true);
    return new Promise((resolve) => {
      const keep = (lock: Lock | null) => {
        resolve(lock !== null);
        return lock ? new Promise<void>((release) => this.releases.set(key, release)) : undefined;
      };
      // A browser that refuses locks is treated as one that has none.
      locks.request(PREFIX + key, { ifAvailable: true }, keep).catch(() => resolve(true));
    });
  }

  /** Return true if this tab holds an upload. */
  has(key: string): boolean {
    return this.releases.has(key);
  }

  release(key: string): void {
    this.releases.get(key)?.();
    this.releases.delete(key);
  }

  /** Wait until the tab that holds an upload lets it go: by its end, or because the tab closes. */
  async untilFree(key: string): Promise<void> {
    await this.locks?.request(PREFIX + key, () => undefined);
  }

  /** Return the keys of uploads that other tabs hold. */
  async elsewhere(): Promise<Set<string>> {
    const { held = [] } = (await this.locks?.query()) ?? {};
    const keys = held.map(({ name = "" }) => name).filter((name) => name.startsWith(PREFIX));
    return new Set(keys.map((name) => name.slice(PREFIX.length)).filter((key) => !this.releases.has(key)));
  }
}

export const holds = new Holds();

const channel = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel("s3-file-uploader-console");

/** Tell the other tabs that a file was stored in a bucket. */
export function tellTabs(bucket: string): void {
  channel?.postMessage(bucket);
}

/** Call `listener` with the bucket in which another tab has stored a file. */
export function onOtherTab(listener: (bucket: string) => void): void {
  channel?.addEventListener("message", ({ data }) => listener(String(data)));
}
