import { UploaderError } from "../errors.js";
import type { FileFacts, Source } from "../files/source.js";
import type { UploadOptions } from "./options.js";
import type { KeyValueStorage } from "./storage.js";

const PREFIX = "s3-file-uploader";

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
  overwrite?: boolean;
  /** The primary key of the user who will own the file, if that is another one. */
  userId?: string;
  /** The id of the record, once the service has answered. */
  id?: string;
  /** The address of the file, if the client can open it again. */
  uri?: string;
  /** Time of the last write to the file, in milliseconds since 1970. Another file in its place is not resumed. */
  modifiedAt?: number;
  /** The way that the app chose. */
  via?: UploadOptions["via"];
  /** True if the file goes through the service, false if it goes to S3 itself; absent before it is opened. */
  throughServer?: boolean;
  /** True if a native background uploader sends the file. */
  handedOver?: boolean;
}

/** Return the line of an upload that begins. */
export function createEntry(
  key: string,
  { bucket, contentType, fileName, overwrite, userId, via }: UploadOptions,
  { modifiedAt, name, size, type = "", uri }: FileFacts & Pick<Source, "modifiedAt" | "size">,
): JournalEntry {
  return {
    key,
    bucket,
    fileName: fileName ?? (name || "file"),
    size,
    contentType: contentType ?? type,
    startedAt: new Date().toISOString(),
    ...(overwrite ? { overwrite } : {}),
    ...(userId ? { userId } : {}),
    ...(via ? { via } : {}),
    ...(uri ? { uri } : {}),
    ...(modifiedAt === undefined ? {} : { modifiedAt }),
  };
}

/** Throw `file_changed` if a file is not the one of the line. Parts of two versions of a file would make a third. */
export function validateSame(entry: JournalEntry, { modifiedAt, size, uri }: Source): void {
  const isWrittenSince = entry.uri === uri && (entry.modifiedAt ?? modifiedAt) !== modifiedAt;
  if (entry.size === size && !isWrittenSince) return;
  const message = "This is not the file whose upload began. Choose that one.";
  throw new UploaderError("file_changed", message);
}

/** Keeps the uploads that a kill or a reload must not lose. */
export class Journal {
  private readonly prefix: string;
  private readonly writing = new Map<string, Promise<unknown>>();

  /** Lines of another `account` are neither seen nor changed. */
  constructor(
    private readonly storage: KeyValueStorage,
    account = "",
  ) {
    this.prefix = account ? `${PREFIX}@${encodeURIComponent(account)}:` : `${PREFIX}:`;
  }

  async save(entry: JournalEntry): Promise<void> {
    const line = JSON.stringify(entry);
    await this.write(entry.key, async () => await this.storage.set(this.prefix + entry.key, line));
  }

  async remove(key: string): Promise<void> {
    await this.write(key, async () => await this.storage.delete(this.prefix + key));
  }

  /** Write the line of a key after the writes before: a storage may finish two at once in any order. */
  private async write(key: string, access: () => Promise<unknown>): Promise<void> {
    const earlier = this.writing.get(key) ?? Promise.resolve();
    const write = () => explain(access);
    const writing = earlier.then(write, write);
    this.writing.set(key, writing);
    try {
      await writing;
    } finally {
      if (this.writing.get(key) === writing) this.writing.delete(key);
    }
  }

  /** Return the unfinished uploads, oldest first. */
  async list(): Promise<JournalEntry[]> {
    const keys = (await explain(async () => this.storage.keys())).filter((key) => key.startsWith(this.prefix));
    const values = await explain(() => Promise.all(keys.map(async (key) => this.storage.get(key))));
    const entries = values.map(readEntry).filter((entry) => entry !== undefined);
    return entries.sort((one, other) => one.startedAt.localeCompare(other.startedAt));
  }
}

/** Other programs may write to the same storage: a line that cannot be read is no upload. */
function readEntry(line: string | null): JournalEntry | undefined {
  try {
    const entry = JSON.parse(line ?? "null") as Partial<JournalEntry> | null;
    const { bucket, fileName, key, size, startedAt } = entry ?? {};
    const isEntry = [bucket, fileName, key, startedAt].every((value) => typeof value === "string");
    return isEntry && typeof size === "number" ? (entry as JournalEntry) : undefined;
  } catch {
    return undefined;
  }
}

/** Run an access to the app's storage, whose errors may be anything. */
async function explain<T>(access: () => Promise<T>): Promise<T> {
  try {
    return await access();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `\`storage\` failed: ${why}. Free space.`;
    throw new UploaderError("journal_failed", message, { cause });
  }
}
