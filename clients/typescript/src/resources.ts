import type { Fields, Service } from "./http/service.js";
import { bucketPath, filePath } from "./http/paths.js";
import { Pages } from "./pages.js";
import type { components } from "./schema.js";
import type { UploadRecord } from "./uploads/announced.js";

type Schemas = components["schemas"];
type Schema<Name extends keyof Schemas> = Schemas[Name];

/** A stored file in a list. */
export interface ListedFile extends Schema<"S3ListedObject"> {}
/** The bytes and files of a user in a bucket, and the limits of its policy. */
export interface Usage extends Schema<"S3Usage"> {}
/** A link that the service counts and can revoke. */
export interface ShareLink extends Schema<"S3ShareLink"> {}
/** A new link, with its URL. */
export interface NewShareLink extends Schema<"S3NewShareLink"> {}
/** A bucket. */
export interface Bucket extends Schema<"S3Bucket"> {}
/** A new bucket. */
export interface CreatedBucket extends Schema<"S3CreatedBucket"> {}
/** A URL that anybody can open until it expires. */
export interface PresignedUrl extends Schema<"S3PresignedUrl"> {}

/** Options of each call. */
export interface CallOptions {
  /** Aborting it ends the call with the code `cancelled`. */
  signal?: AbortSignal;
}

/** Options of each list. */
export interface ListOptions extends CallOptions {
  /** Results of a page, 1 to 1,000. Default: 100. */
  pageSize?: number;
}

/** Filters of the list of records. All that are given have to match. */
export interface RecordFilter extends ListOptions {
  bucket?: string;
  /** `pending`, `stored`, `quarantined`, `rejected` or `deleting`. */
  status?: Schemas["S3UploadStatus"];
  /** Media type, such as `video/mp4`. */
  contentType?: string;
  /** A part of the key. */
  fileName?: string;
  /** ISO 8601, such as `2026-11-29T00:00:00Z`. */
  createdAfter?: string;
  /** ISO 8601. */
  createdBefore?: string;
  /** Staff only: the primary key of the owner. */
  userId?: string;
}

/**
 * Files, records, links and buckets of the service. Each method throws `UploaderError`.
 *
 * @internal
 */
export class Resources {
  constructor(protected readonly service: Service) {}

  /**
   * List the stored files of a bucket in the order of their keys: the user's own, or all for staff.
   *
   * `prefix` limits the list to keys that begin with it. `delimiter`, such as `/`, folds deeper keys into `prefixes`.
   */
  files(bucket: string, options: ListOptions & { prefix?: string; delimiter?: string } = {}): Pages<ListedFile> {
    return this.list(`${bucketPath(bucket)}files/`, options);
  }

  /** List the records of the user's uploads, newest first; staff get the records of all users. */
  records(filter: RecordFilter = {}): Pages<UploadRecord> {
    return this.list("uploads/", filter);
  }

  /**
   * List the records in a folder of a bucket in the order of their `path`: the key as users see it. `prefix` is the folder,
   * such as `photos/`; deeper folders are in `prefixes`. `userId`: staff only.
   */
  folder(
    bucket: string,
    options: ListOptions & { prefix?: string; delimiter?: string; userId?: string } = {},
  ): Pages<UploadRecord> {
    return this.list("uploads/folder/", { bucket, ...options });
  }

  /** Return one record by its id. Throws `upload_not_found`. */
  record(id: string, { signal }: CallOptions = {}): Promise<UploadRecord> {
    return this.service.call("GET", `uploads/${encodeURIComponent(id)}/`, { signal });
  }

  /** Return the bytes and files that a user has in a bucket, and the limits of its policy. `userId`: staff only. */
  usage(bucket: string, options: CallOptions & { userId?: string } = {}): Promise<Usage> {
    const query = toFields({ bucket, ...options });
    return this.service.call("GET", "uploads/usage/", { query, signal: options.signal });
  }

  /**
   * Return a URL that anybody can open until it expires.
   *
   * `expiresIn`: seconds, 1 to 604,800; default 3,600. `disposition`: `inline` has a browser show the file, if the policy
   * allows its type; default `attachment`. Throws `file_not_found` and `quarantined`.
   */
  downloadUrl(
    bucket: string,
    fileName: string,
    options: CallOptions & { expiresIn?: number; disposition?: "attachment" | "inline" } = {},
  ): Promise<PresignedUrl> {
    const { expiresIn: expiration, ...rest } = options;
    const query = toFields({ bucket, fileName, expiration, ...rest });
    return this.service.call("GET", "file/presigned/url/", { query, signal: options.signal });
  }

  /** Delete a file and its record. `fileName` is the key, `file_name` of the record. Throws `file_not_found`. */
  delete(bucket: string, fileName: string, { signal }: CallOptions = {}): Promise<void> {
    return this.service.call("DELETE", filePath(bucket, fileName), { signal });
  }

  /**
   * Create a link that counts downloads and can be revoked. Its `url` is in this answer only.
   *
   * `expiresIn`: seconds. `maxDownloads`: default unlimited. A lost answer throws `connection_lost`: look at `shares()`
   * before a second attempt, which would create a second link.
   */
  share(
    bucket: string,
    fileName: string,
    options: CallOptions & { expiresIn?: number; maxDownloads?: number } = {},
  ): Promise<NewShareLink> {
    const json = toFields({ bucket, fileName, ...options });
    return this.service.call("POST", "shares/", { json, repeatable: false, signal: options.signal });
  }

  /** List the links that the user created, or all links to the file that `bucket` and `fileName` name. */
  shares(options: ListOptions & { bucket?: string; fileName?: string } = {}): Pages<ShareLink> {
    return this.list("shares/", options);
  }

  /** Revoke a link at once. Throws `share_not_found`. */
  revokeShare(id: string, { signal }: CallOptions = {}): Promise<void> {
    return this.service.call("DELETE", `shares/${encodeURIComponent(id)}/`, { signal });
  }

  /** Return the buckets of the service. */
  async buckets({ signal }: CallOptions = {}): Promise<Bucket[]> {
    return (await this.service.call<Schemas["S3BucketList"]>("GET", "bucket/list/", { signal })).buckets;
  }

  /** Create a bucket. Staff only. `region`: default, the region of the service. Throws `bucket_exists`. */
  createBucket(bucket: string, region?: string, { signal }: CallOptions = {}): Promise<CreatedBucket> {
    return this.service.call("POST", "bucket/create/", { json: { bucket, region }, repeatable: false, signal });
  }

  /** Remove an empty bucket. Staff only. Throws `bucket_not_empty`. */
  async removeBucket(bucket: string, { signal }: CallOptions = {}): Promise<void> {
    const { owner_id } = await this.service.call<Schemas["S3BucketList"]>("GET", "bucket/list/", { signal });
    const path = `owners/${encodeURIComponent(owner_id)}/${bucketPath(bucket)}remove/`;
    return this.service.call("DELETE", path, { repeatable: false, signal });
  }

  private list<T>(path: string, options: Query): Pages<T> {
    return new Pages(this.service, path, toFields(options), options.signal);
  }
}

type Query = CallOptions & { bucket?: string; fileName?: string; expiration?: number | undefined };

/** Return the options as the service spells them: `pageSize` is `page_size` there. */
function toFields({ signal: _, ...options }: Query): Fields {
  const spell = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(options as Fields).map(([name, value]) => [spell(name), value]));
}
