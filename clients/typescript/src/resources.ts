import type { Service } from "./http/service.js";
import { Pages } from "./pages.js";
import type { components } from "./schema.js";
import type { UploadRecord } from "./uploads/announced.js";
import { encodeFileName } from "./uploads/whole.js";

type Schemas = components["schemas"];
export type ListedFile = Schemas["S3ListedObject"];
export type Usage = Schemas["S3Usage"];
export type ShareLink = Schemas["S3ShareLink"];
export type NewShareLink = Schemas["S3NewShareLink"];
export type Bucket = Schemas["S3Bucket"];
export type CreatedBucket = Schemas["S3CreatedBucket"];
export type PresignedUrl = Schemas["S3PresignedUrl"];

export interface CallOptions {
  /** Aborting it ends the call with the code `cancelled`. */
  signal?: AbortSignal;
}

export interface ListOptions extends CallOptions {
  /** Results of a page, up to 1,000. Default: 100. */
  pageSize?: number;
}

export interface RecordFilter extends ListOptions {
  bucket?: string;
  status?: Schemas["S3UploadStatus"];
  contentType?: string;
  /** A part of the key. */
  fileName?: string;
  /** ISO 8601. */
  createdAfter?: string;
  createdBefore?: string;
  /** Staff only. */
  userId?: string;
}

/** Everything that the service keeps. Each method throws `UploaderError`. */
export class Resources {
  constructor(protected readonly service: Service) {}

  /** List the stored files of a bucket in the order of their keys; yours, or all if you are staff. */
  files(bucket: string, options: ListOptions & { prefix?: string; delimiter?: string } = {}): Pages<ListedFile> {
    const { delimiter, pageSize, prefix, signal } = options;
    return new Pages(this.service, `${bucketPath(bucket)}files/`, { delimiter, page_size: pageSize, prefix }, signal);
  }

  /** List the records of your uploads, newest first. */
  records(filter: RecordFilter = {}): Pages<UploadRecord> {
    const query = {
      bucket: filter.bucket,
      status: filter.status,
      content_type: filter.contentType,
      file_name: filter.fileName,
      created_after: filter.createdAfter,
      created_before: filter.createdBefore,
      user_id: filter.userId,
      page_size: filter.pageSize,
    };
    return new Pages(this.service, "uploads/", query, filter.signal);
  }

  /** Return one record. */
  record(id: string, { signal }: CallOptions = {}): Promise<UploadRecord> {
    return this.service.call("GET", `uploads/${encodeURIComponent(id)}/`, { signal });
  }

  /** Return what you have in a bucket, and what its policy allows. */
  usage(bucket: string, { signal, userId }: CallOptions & { userId?: string } = {}): Promise<Usage> {
    return this.service.call("GET", "uploads/usage/", { query: { bucket, user_id: userId }, signal });
  }

  /** Return a URL that anybody can open until it expires: after an hour by default, after 604,800 s at the latest. */
  downloadUrl(
    bucket: string,
    fileName: string,
    options: CallOptions & { expiresIn?: number; disposition?: "attachment" | "inline" } = {},
  ): Promise<PresignedUrl> {
    const query = { bucket, file_name: fileName, expiration: options.expiresIn, disposition: options.disposition };
    return this.service.call("GET", "file/presigned/url/", { query, signal: options.signal });
  }

  /** Delete a file and its record. */
  delete(bucket: string, fileName: string, { signal }: CallOptions = {}): Promise<void> {
    return this.service.call("DELETE", `${bucketPath(bucket)}files/${encodeFileName(fileName)}/`, { signal });
  }

  /** Make a link that counts and can be revoked. Its `url` is shown only now. */
  share(
    bucket: string,
    fileName: string,
    options: CallOptions & { expiresIn?: number; maxDownloads?: number } = {},
  ): Promise<NewShareLink> {
    const json = { bucket, file_name: fileName, expires_in: options.expiresIn, max_downloads: options.maxDownloads };
    return this.service.call("POST", "shares/", { json, repeatable: false, signal: options.signal });
  }

  /** List the links that you made, or all links to a file. */
  shares(options: ListOptions & { bucket?: string; fileName?: string } = {}): Pages<ShareLink> {
    const query = { bucket: options.bucket, file_name: options.fileName, page_size: options.pageSize };
    return new Pages(this.service, "shares/", query, options.signal);
  }

  revokeShare(id: string, { signal }: CallOptions = {}): Promise<void> {
    return this.service.call("DELETE", `shares/${encodeURIComponent(id)}/`, { signal });
  }

  /** Return the buckets that you may use. */
  async buckets({ signal }: CallOptions = {}): Promise<Bucket[]> {
    return (await this.service.call<Schemas["S3BucketList"]>("GET", "bucket/list/", { signal })).buckets;
  }

  /** Create a bucket. Staff only. */
  createBucket(bucket: string, region?: string, { signal }: CallOptions = {}): Promise<CreatedBucket> {
    return this.service.call("POST", "bucket/create/", { json: { bucket, region }, repeatable: false, signal });
  }

  /** Remove an empty bucket. Staff only. */
  async removeBucket(bucket: string, { signal }: CallOptions = {}): Promise<void> {
    const { owner_id } = await this.service.call<Schemas["S3BucketList"]>("GET", "bucket/list/", { signal });
    const path = `owners/${encodeURIComponent(owner_id)}/${bucketPath(bucket)}remove/`;
    return this.service.call("DELETE", path, { repeatable: false, signal });
  }
}

function bucketPath(bucket: string): string {
  return `buckets/${encodeURIComponent(bucket)}/`;
}
