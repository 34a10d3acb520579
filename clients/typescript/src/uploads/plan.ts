import { UploaderError } from "../errors.js";
import type { Source } from "../files/source.js";
import { filePath } from "../http/paths.js";
import type { Context } from "../context.js";
import type { Announcement } from "./announced.js";
import { readChecksum } from "./checksum.js";
import type { JournalEntry } from "./journal.js";
import type { UploadOptions } from "./options.js";
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
  const { bucket, checksum, contentType, overwrite, userId, via } = options;
  if (userId) {
    const message = "A file of another user goes to S3 itself: leave out `overwrite` and `via`, or `userId`.";
    throw new UploaderError("invalid", message);
  }
  const sha256 = await readChecksum(source, checksum);
  return {
    path: filePath(bucket, nameOf(options, source)),
    // Like a direct upload, a file gets a key of its own, unless the app has chosen the way by which the name is the key.
    query: overwrite ? { overwrite } : via === "server" ? {} : { own_key: true },
    headers: {
      // React Native on Android refuses a body without a type. To the service, this one means the same as none.
      "Content-Type": (contentType ?? source.type) || "application/octet-stream",
      // The key of the direct upload stands for another request: the service would refuse it.
      "Idempotency-Key": `${key}:server`,
      ...(sha256 ? { "X-Checksum-Sha256": sha256 } : {}),
    },
  };
}

/** Return true if a file is to go through the service. An upload that began directly goes on so, if it can. */
export function goesThroughServer(
  options: UploadOptions,
  { id, size, throughServer }: JournalEntry,
  { routes, smallFileBytes }: Context,
): boolean {
  if (throughServer || options.via === "server" || options.overwrite) return true;
  return mayChangeRoute(options) && ((throughServer ?? (!id && size < smallFileBytes)) || routes.throughServer);
}

/** The service stores a body for the caller alone: a file of another user has to go to S3. */
export function mayChangeRoute({ userId, via = "auto" }: UploadOptions): boolean {
  return via === "auto" && !userId;
}
