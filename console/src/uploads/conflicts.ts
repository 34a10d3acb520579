import { signal } from "@preact/signals";
import type { UploadRecord } from "s3-file-uploader-client";
import { client, user } from "../session.ts";
import { composed, planListings } from "./names.ts";

/** The choices for a file whose path is taken. */
export type Choice = "skip" | "replace" | "keep";

/** The file that has the path. `storedAt` is absent while it is on its way itself. */
export interface Earlier {
  size: number | null;
  storedAt?: string | undefined;
}

/** A file whose path is taken, and the question about it. */
export interface Question {
  path: string;
  size: number;
  modifiedAt: number;
  existing: Earlier;
  /** Files after this one whose paths are taken, too. */
  others: number;
  mayReplace: boolean;
  answer(choice: Choice, forAll: boolean): void;
}

/** The question that the dialog shows. */
export const question = signal<Question | undefined>(undefined);

const PAGE_SIZE = 1000;

/** The files of the user under some paths. Several files may have one path, because each has a key of its own. */
export type Existing = ReadonlyMap<string, readonly UploadRecord[]>;

/** Return the user's own stored files under the paths: one listing for loose files, and one for each folder. */
export async function findExisting(bucket: string, folder: string, paths: readonly string[]): Promise<Existing> {
  const wanted = new Set(paths);
  const found = new Map<string, UploadRecord[]>();
  for (const { isFlat, prefix } of planListings(folder, paths)) {
    // Staff see the files of all users, but replace only their own.
    const options = { prefix, delimiter: isFlat ? "/" : "", userId: user.value.id, pageSize: PAGE_SIZE };
    const pages = client.folder(bucket, options);
    for (let page = await pages.page(); page; page = await pages.page()) {
      for (const record of page.items) {
        const path = composed(record.path);
        if (!wanted.has(path) || record.status === "rejected") continue;
        found.set(path, [...(found.get(path) ?? []), record]);
      }
    }
  }
  return found;
}

/** Asks about one path after the other, until an answer is for all. */
export class Conflicts {
  private forAll: Choice | undefined;
  private left: number;
  private readonly mayReplace: boolean;

  constructor(count: number, mayReplace: boolean) {
    this.left = count;
    this.mayReplace = mayReplace;
  }

  async decide(file: Pick<Question, "path" | "size" | "modifiedAt">, existing: Earlier): Promise<Choice> {
    this.left -= 1;
    if (this.forAll) return this.forAll;
    const choice = await new Promise<Choice>((resolve) => {
      question.value = {
        ...file,
        existing,
        others: this.left,
        mayReplace: this.mayReplace,
        answer: (answered, forAll) => {
          if (forAll) this.forAll = answered;
          resolve(answered);
        },
      };
    });
    question.value = undefined;
    return choice;
  }
}
