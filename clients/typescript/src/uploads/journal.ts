import type { KeyValueStorage } from "./storage.js";

const PREFIX = "s3-file-uploader:";

/** An unfinished upload in `storage`. S3 and the service know the rest. */
export interface JournalEntry {
  /** The Idempotency-Key of the upload. */
  key: string;
  bucket: string;
  fileName: string;
  /** Bytes of the file. */
  size: number;
  /** Media type, or an empty string. */
  contentType: string;
  /** ISO 8601. */
  startedAt: string;
  /** The id of the record, once the service has answered. */
  id?: string;
  /** The address of the file, if the client can open it again. */
  uri?: string;
  /** True if the file goes through the service, because S3 cannot be reached. */
  throughServer?: boolean;
  /** True if a native background uploader sends the file. */
  handedOver?: boolean;
}

/** Keeps the uploads that a kill or a reload must not lose. */
export class Journal {
  constructor(private readonly storage: KeyValueStorage) {}

  async save(entry: JournalEntry): Promise<void> {
    await this.storage.set(PREFIX + entry.key, JSON.stringify(entry));
  }

  async find(key: string): Promise<JournalEntry | undefined> {
    return readEntry(await this.storage.get(PREFIX + key));
  }

  async remove(key: string): Promise<void> {
    await this.storage.delete(PREFIX + key);
  }

  /** Return the unfinished uploads, oldest first. */
  async list(): Promise<JournalEntry[]> {
    const keys = (await this.storage.keys()).filter((key) => key.startsWith(PREFIX));
    const values = await Promise.all(keys.map(async (key) => this.storage.get(key)));
    const entries = values.map(readEntry).filter((entry) => entry !== undefined);
    return entries.sort((one, other) => one.startedAt.localeCompare(other.startedAt));
  }
}

/** Other programs may write to the same storage: a line that cannot be read is no upload. */
function readEntry(line: string | null): JournalEntry | undefined {
  try {
    const entry = JSON.parse(line ?? "null") as Partial<JournalEntry> | null;
    return entry && typeof entry.key === "string" && typeof entry.size === "number"
      ? (entry as JournalEntry)
      : undefined;
  } catch {
    return undefined;
  }
}
