type Answer<T> = T | Promise<T>;

/** Strings by key, on disk. The client keeps a line for every unfinished upload there. */
export interface KeyValueStorage {
  /** Return the string, or null. */
  get(key: string): Answer<string | null>;
  /** Write the string durably. */
  set(key: string, value: string): Answer<unknown>;
  delete(key: string): Answer<unknown>;
  /** Return all keys, also those of other programs. */
  keys(): Answer<readonly string[]>;
}

/** The part of `AsyncStorage` of React Native that the client needs. */
export interface AsyncStorageLike {
  getItem(key: string): Promise<string | null>;
  setItem(key: string, value: string): Promise<unknown>;
  removeItem(key: string): Promise<unknown>;
  getAllKeys(): Promise<readonly string[]>;
}

/** Return AsyncStorage as `storage` of `createClient`. */
export function asyncStorage(storage: AsyncStorageLike): KeyValueStorage {
  return rename(storage, () => storage.getAllKeys());
}

/** Return the browser's `localStorage`, or, where there is none, a storage that lasts as long as the client. */
export function defaultStorage(): KeyValueStorage {
  const local = openLocalStorage();
  if (local) return rename(local, () => Object.keys(local));
  const memory = new Map<string, string>();
  return {
    get: (key) => memory.get(key) ?? null,
    set: (key, value) => memory.set(key, value),
    delete: (key) => memory.delete(key),
    keys: () => [...memory.keys()],
  };
}

function rename(storage: Storage | AsyncStorageLike, keys: KeyValueStorage["keys"]): KeyValueStorage {
  return {
    get: (key) => storage.getItem(key),
    set: (key, value) => storage.setItem(key, value),
    delete: (key) => storage.removeItem(key),
    keys,
  };
}

function openLocalStorage(): Storage | undefined {
  try {
    return typeof window === "undefined" ? undefined : window.localStorage;
  } catch {
    return undefined; // A browser that blocks storage throws on access.
  }
}
