import { UploaderError } from "../errors.js";
import type { Source } from "../files/source.js";
import type { Announcement } from "./announced.js";
import { readChecksum } from "./checksum.js";
import type { JournalEntry } from "./journal.js";
import type { UploadOptions } from "./options.js";
import type { Routes } from "./routes.js";
import type { ServerFile } from "./whole.js";

const STRATEGIES = { auto: "auto", parts: "multipart", put: "put", server: "put" } as const;

/** Return the name under which a file is uploaded. */
export function nameOf(options: Pick<UploadOptions, "fileName">, source: Source): string {
  return options.fileName ?? (source.name || "file");
}

/** Return what the service is told of a file that goes to S3 itself. */
export async function planDirect(options: UploadOptions, source: Source): Promise<Announcement> {
  const { bucket, checksum, contentType, userId, via = "auto" } = options;
  const type = contentType ?? source.type;
  const sha256 = await readChecksum(source, checksum);
  return {
    bucket,
    file_name: nameOf(options, source),
    size: source.size,
    strategy: STRATEGIES[via],
    ...(type ? { content_type: type } : {}),
    ...(sha256 ? { checksum_sha256: sha256 } : {}),
    ...(userId ? { user_id: userId } : {}),
  };
}

/** Return the request for a file that goes through the service. */
export async function planThroughServer(options: UploadOptions, source: Source, key: string): Promise<ServerFile> {
  const { bucket, checksum, contentType, overwrite = false, userId } = options;
  if (userId) {
    const message = "A file of another user goes to S3 itself: leave out `overwrite` and `via`, or `userId`.";
    throw new UploaderError("invalid", message);
  }
  return {
    bucket,
    fileName: nameOf(options, source),
    contentType: contentType ?? source.type,
    overwrite,
    // The key of the direct upload stands for another request: the service would refuse it.
    key: `${key}:server`,
    checksum: await readChecksum(source, checksum),
  };
}

/** Return true if a file is to go through the service. */
export function goesThroughServer(options: UploadOptions, entry: JournalEntry | undefined, routes: Routes): boolean {
  if (entry?.throughServer || options.via === "server" || options.overwrite) return true;
  return mayChangeRoute(options) && routes.throughServer;
}

/** The service stores a body for the caller alone: a file of another user has to go to S3. */
export function mayChangeRoute({ userId, via = "auto" }: UploadOptions): boolean {
  return via === "auto" && !userId;
}
