// Generated from the service's OpenAPI schema by `npm run types`. Do not edit.
export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        AuthToken: {
            readonly token: string;
        };
        AuthTokenRequest: {
            username: string;
            password: string;
        };
        /** @description A bucket. */
        S3Bucket: {
            name: string;
            /** Format: date-time */
            created_at: string;
            region: string;
        };
        /** @description The bucket to create. */
        S3BucketCreateRequest: {
            /** @description Name of the new bucket. */
            bucket?: string;
            /** @description Alias of `bucket`. */
            bucket_name?: string;
            /** @description For example `eu-west-1`. Default: the configured region. */
            region?: string;
        };
        /** @description The buckets and their owner. */
        S3BucketList: {
            /** @description The owner of the buckets, from S3. Removing a bucket requires it. */
            owner_id: string;
            buckets: components["schemas"]["S3Bucket"][];
        };
        /** @description The new bucket. */
        S3CreatedBucket: {
            name: string;
            region: string;
            /** @description A path or a URL, from S3. */
            location: string;
        };
        /** @enum {string} */
        S3Disposition: "attachment" | "inline";
        /** @description The body of every error. */
        S3Error: {
            /** @description A stable code, for programs. */
            code: components["schemas"]["S3ErrorCode"] | string;
            /** @description A message for people, with the next step. */
            detail: string;
            /** @description The errors of each field; only for validation errors. */
            errors?: {
                [key: string]: components["schemas"]["S3FieldError"][];
            };
            /** @description The limits of the bucket's policy that forbid the request, and your usage. */
            limit?: {
                [key: string]: unknown;
            };
        };
        /** @enum {string} */
        S3ErrorCode: "bucket_exists" | "bucket_not_allowed" | "bucket_not_empty" | "bucket_not_found" | "bucket_owner_mismatch" | "checksum_mismatch" | "content_type_mismatch" | "content_type_not_allowed" | "database_unavailable" | "download_folder_full" | "file_exists" | "file_not_found" | "file_rejected" | "file_too_large" | "idempotency_key_reused" | "invalid" | "invalid_bucket_name" | "invalid_file_name" | "length_required" | "method_not_allowed" | "not_acceptable" | "not_authenticated" | "not_your_file" | "parts_missing" | "permission_denied" | "precondition_failed" | "quarantined" | "quota_exceeded" | "range_not_satisfiable" | "request_too_slow" | "share_not_found" | "size_mismatch" | "storage_access_denied" | "storage_error" | "storage_not_configured" | "storage_timeout" | "storage_unavailable" | "throttled" | "unsupported_media_type" | "upload_in_progress" | "upload_not_found" | "upload_not_pending" | "upload_token_not_found";
        /** @description An error of one field. */
        S3FieldError: {
            code: string;
            detail: string;
        };
        /** @description The file and its bucket, as form-data. */
        S3FileUploadFormRequest: {
            /**
             * @description An existing bucket.
             * @example my-first-bucket
             */
            bucket: string;
            /**
             * @description The owner of the file. Default: you. Staff may name other users.
             * @example
             */
            user_id?: string;
            /**
             * @description The object key. Default: the name of the file part.
             * @example
             */
            file_name?: string;
            /**
             * @description The name on the device, if the file part cannot carry it. Default: the name of the file part.
             * @example
             */
            original_name?: string;
            /**
             * @description Replace your own file of that name; never another user's. Default: `false`.
             * @example false
             */
            overwrite?: boolean;
            /**
             * @description SHA-256 of the file in hex. On a mismatch, nothing is stored.
             * @example
             */
            checksum_sha256?: string;
            /**
             * Format: binary
             * @description The file, as a file part with a file name.
             */
            file: string;
        };
        /** @description The database and S3 can be reached. */
        S3Health: {
            database: boolean;
            storage: boolean;
        };
        /** @description An object in a bucket. */
        S3ListedObject: {
            /** @description The object key. */
            file_name: string;
            /** @description Bytes. */
            size: number;
            etag: string;
            /**
             * Format: date-time
             * @description When the object was last written.
             */
            changed_at: string;
        };
        /** @description The process serves requests. */
        S3Live: {
            live: boolean;
        };
        /** @enum {string} */
        S3MultipartStrategy: "multipart";
        /** @description Send the file in parts; POST to `parts/` for the URLs of parts that are not listed here. */
        S3MultipartTransfer: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            strategy: "multipart";
            /** @description Bytes of every part except the last. */
            part_size: number;
            part_count: number;
            parts: components["schemas"]["S3Part"][];
            /** Format: date-time */
            expires_at: string;
        };
        /** @description The new link. The server shows `url` only in this response. */
        S3NewShareLink: {
            /** Format: uuid */
            id: string;
            /** @description Primary key of the user who made the link, as a string. */
            user_id: string;
            bucket: string;
            /** @description The object key. */
            file_name: string;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            expires_at: string;
            /** Format: date-time */
            revoked_at: string | null;
            /** @description Null: no limit. */
            max_downloads: number | null;
            /** @description How often clients followed it. */
            downloads: number;
            /** @description The link; it lets clients without an account read the file. */
            readonly url: string;
        };
        /** @description The new token. The server shows it only in this response. */
        S3NewUploadToken: {
            /** Format: uuid */
            id: string;
            token: string;
            /** @description The endpoint for Uppy; it contains the token. */
            readonly endpoint: string;
            /** Format: date-time */
            expires_at: string;
        };
        /** @description One page of objects. */
        S3ObjectList: {
            /** @description URL of the next page; null on the last. */
            readonly next: string | null;
            /** @description Always null: S3 lists forward only. */
            readonly previous: string | null;
            /** @description The groups of keys that `delimiter` made. */
            prefixes: string[];
            results: components["schemas"]["S3ListedObject"][];
        };
        /** @description Send these bytes of the file by PUT, without additional headers. */
        S3Part: {
            part_number: number;
            /** @description The URL to send it to; it needs no other credentials. */
            url: string;
            /** @description Bytes before this part; null if the size of the file is unknown, as with Uppy. */
            offset: number | null;
            /** @description Bytes of this part; null if the size of the file is unknown. */
            size: number | null;
        };
        /** @description The parts to sign, selected in one of three ways. */
        S3PartsWantedRequest: {
            /** @description Sign these parts. */
            part_numbers?: number[];
            /** @description With `last`: sign every part from this number on. */
            first?: number;
            /** @description With `first`: sign every part up to this number. */
            last?: number;
            /** @description `true`: sign every part that S3 does not hold yet. */
            missing?: boolean;
        };
        /** @enum {string} */
        S3PostStrategy: "post";
        /** @description Send the file as form-data. */
        S3PostTransfer: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            strategy: "post";
            /** @description `POST`. */
            method: string;
            /** @description The URL to send it to; it needs no other credentials. */
            url: string;
            /** @description Send these fields unchanged and first, then the file as the last field, `file`. */
            fields: {
                [key: string]: string;
            };
            /** Format: date-time */
            expires_at: string;
        };
        /** @description The file, and how long its URL works. */
        S3PresignRequest: {
            /** @description The object key of one of your stored files. */
            file_name: string;
            /** @description The bucket of the file. */
            bucket: string;
            /**
             * @description Seconds until the URL expires; it expires earlier if the server's own credentials do. Default: `3600`.
             * @example 3600
             */
            expiration?: number;
            /**
             * @description `attachment`: a browser saves the file. `inline`: it shows the file, if its type is safe to show. Default: `attachment`.
             * @example attachment
             */
            disposition?: components["schemas"]["S3Disposition"];
        };
        /** @description The presigned URL. */
        S3PresignedUrl: {
            /** @description Works without other credentials until it expires. */
            url: string;
            method: string;
            /** @description Seconds. */
            expires_in: number;
            /** Format: date-time */
            expires_at: string;
        };
        /** @enum {string} */
        S3PutStrategy: "put";
        /** @description Send the file as the body of one request. */
        S3PutTransfer: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            strategy: "put";
            /** @description `PUT`. */
            method: string;
            /** @description The URL to send it to; it needs no other credentials. */
            url: string;
            /** @description Send these headers unchanged, and the Content-Length of the file. */
            headers: {
                [key: string]: string;
            };
            /** Format: date-time */
            expires_at: string;
        };
        /** @description The database can be reached. */
        S3Ready: {
            database: boolean;
        };
        /** @description The saved file. */
        S3SavedFile: {
            /** @description Relative to PATH_TO_SAVE_FILE on the server. */
            path: string;
            file_name: string;
            bucket: string;
            /** @description Bytes. */
            size: number;
            etag: string;
        };
        /** @description The file to share, and the limits of its link. */
        S3ShareCreateRequest: {
            /** @description The bucket of the file. */
            bucket: string;
            /** @description The object key of a stored file. */
            file_name: string;
            /** @description Seconds, up to S3_FILE_UPLOADER_SHARE_MAX_SECONDS. Default: a day. */
            expires_in?: number | null;
            /** @description How often clients may follow the link. Default: no limit. */
            max_downloads?: number | null;
        };
        /** @description One share link without its secret. */
        S3ShareLink: {
            /** Format: uuid */
            id: string;
            /** @description Primary key of the user who made the link, as a string. */
            user_id: string;
            bucket: string;
            /** @description The object key. */
            file_name: string;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            expires_at: string;
            /** Format: date-time */
            revoked_at: string | null;
            /** @description Null: no limit. */
            max_downloads: number | null;
            /** @description How often clients followed it. */
            downloads: number;
        };
        /** @description One page of the list. */
        S3ShareLinkList: {
            /** @description URL of the next page; null on the last. */
            next: string | null;
            /** @description URL of the previous page; null on the first. */
            previous: string | null;
            results: components["schemas"]["S3ShareLink"][];
        };
        /** @description The URLs of the parts. */
        S3SignedParts: {
            parts: components["schemas"]["S3Part"][];
            /** Format: date-time */
            expires_at: string;
        };
        /** @description The record, and as `transfer` the requests that the client sends to S3. */
        S3StartedUpload: {
            /** Format: uuid */
            id: string;
            /** @description Primary key of the owner, as a string. */
            user_id: string | null;
            bucket: string;
            /** @description The object key. */
            file_name: string;
            original_name: string;
            /** @description Bytes; until the file is stored, the announced size or null. */
            size: number | null;
            content_type: string;
            etag: string;
            /** @description Lower-case hex. Empty for a direct upload, unless the client or S3 gave it. */
            checksum_sha256: string;
            status: components["schemas"]["S3UploadStatus"];
            /** @description Why the file was rejected or is in quarantine; otherwise empty. */
            status_reason: string;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            completed_at: string | null;
            /** @description The address of the file, for users who may read it; null in quarantine and after a rejection. */
            readonly url: string | null;
            /** @description The requests that the client sends to S3; null if the file is stored already. */
            transfer: components["schemas"]["S3Transfer"] | null;
        };
        /** @description A part that S3 holds. */
        S3StoredPart: {
            part_number: number;
            /** @description Bytes. */
            size: number;
            etag: string;
        };
        S3Transfer: components["schemas"]["S3PutTransfer"] | components["schemas"]["S3PostTransfer"] | components["schemas"]["S3MultipartTransfer"];
        /** @enum {string} */
        S3TransferStrategy: "auto" | "put" | "post" | "multipart";
        /** @description The record of an upload. */
        S3Upload: {
            /** Format: uuid */
            id: string;
            /** @description Primary key of the owner, as a string. */
            user_id: string | null;
            bucket: string;
            /** @description The object key. */
            file_name: string;
            original_name: string;
            /** @description Bytes; until the file is stored, the announced size or null. */
            size: number | null;
            content_type: string;
            etag: string;
            /** @description Lower-case hex. Empty for a direct upload, unless the client or S3 gave it. */
            checksum_sha256: string;
            status: components["schemas"]["S3UploadStatus"];
            /** @description Why the file was rejected or is in quarantine; otherwise empty. */
            status_reason: string;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            completed_at: string | null;
            /** @description The address of the file, for users who may read it; null in quarantine and after a rejection. */
            readonly url: string | null;
        };
        /** @description One page of the list. */
        S3UploadList: {
            /** @description URL of the next page; null on the last. */
            next: string | null;
            /** @description URL of the previous page; null on the first. */
            previous: string | null;
            results: components["schemas"]["S3Upload"][];
        };
        /** @description The parts that S3 holds, and the numbers of the missing ones. */
        S3UploadProgress: {
            parts: components["schemas"]["S3StoredPart"][];
            /** @description Numbers of the parts that S3 does not hold yet. */
            missing: number[];
        };
        /** @description The file to upload. */
        S3UploadStartRequest: {
            /** @description An existing bucket. */
            bucket: string;
            /** @description The name on the device; the object key ends with it. */
            file_name: string;
            /** @description Bytes, up to 5497558138880. */
            size: number;
            /** @description MIME type. Default: derived from the name. */
            content_type?: string | null;
            /** @description SHA-256 of the file in hex. On a mismatch, nothing is stored. */
            checksum_sha256?: string | null;
            /**
             * @description `auto` decides by size. Default: `auto`.
             * @example auto
             */
            strategy?: components["schemas"]["S3TransferStrategy"];
            /** @description The owner of the file. Default: you. Staff may name other users. */
            user_id?: string | null;
        };
        /** @enum {string} */
        S3UploadStatus: "pending" | "quarantined" | "stored" | "rejected" | "deleting";
        /** @description An upload token, without its secret. */
        S3UploadToken: {
            /** Format: uuid */
            id: string;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            expires_at: string;
            /** Format: date-time */
            revoked_at: string | null;
        };
        /** @description The lifetime of the token. */
        S3UploadTokenCreateRequest: {
            /**
             * @description Seconds, up to S3_FILE_UPLOADER_UPPY_TOKEN_MAX_SECONDS. Default: `3600`.
             * @example 3600
             */
            expires_in?: number;
        };
        /** @description One page of the list. */
        S3UploadTokenList: {
            /** @description URL of the next page; null on the last. */
            next: string | null;
            /** @description URL of the previous page; null on the first. */
            previous: string | null;
            results: components["schemas"]["S3UploadToken"][];
        };
        /** @description The parts of the file. */
        S3UppyCompleteRequest: {
            /** @description Every part of the file. */
            parts: components["schemas"]["S3UppyPartNumberRequest"][];
        };
        /** @description The stored file. */
        S3UppyCompleted: {
            /** @description The `url` of the record; null in quarantine. */
            location: string | null;
            /** @description The object key. */
            key: string;
            bucket: string;
        };
        /** @description The file to upload. */
        S3UppyFileRequest: {
            /** @description The name on the device. */
            filename: string;
            /** @description The MIME type. Default: derived from the name. */
            type?: string | null;
            /** @description `bucket`: the bucket. Default: the setting S3_FILE_UPLOADER_UPPY_BUCKET. Other keys are ignored. */
            metadata?: {
                [key: string]: unknown;
            } | null;
        };
        /** @description The request that sends the file to S3. */
        S3UppyForm: {
            /** @description POST; PUT if the store accepts no forms. */
            method: string;
            url: string;
            /** @description Send these fields before the file; `key` is the object key. */
            fields: {
                [key: string]: string;
            };
            /** @description Send these headers; only with PUT. */
            headers?: {
                [key: string]: string;
            };
            /** @description Seconds until the URL expires. */
            expires: number;
        };
        /** @enum {string} */
        S3UppyMethod: "PUT" | "POST" | "GET" | "DELETE";
        /** @description The started upload. */
        S3UppyMultipart: {
            /** @description The object key. */
            key: string;
            /** @description The `id` of the record. */
            uploadId: string;
            bucket: string;
        };
        /** @description The URL of the part. */
        S3UppyPart: {
            /** @description Send the part by PUT, without additional headers. */
            url: string;
            /** @description Seconds until the URL expires. */
            expires: number;
        };
        /** @description A part of the file. */
        S3UppyPartNumberRequest: {
            /** @description Its position in the file, from 1. */
            PartNumber: number;
            /** @description Ignored: the server asks S3 for it. */
            ETag?: string;
        };
        /** @description The URLs of the parts. */
        S3UppyParts: {
            /** @description The URL of each part, by its number. */
            presignedUrls: {
                [key: string]: string;
            };
        };
        /** @description The request to sign, as Uppy passes it to `signRequest`. */
        S3UppySignRequest: {
            /** @description The method of the request to sign. */
            method: components["schemas"]["S3UppyMethod"];
            /** @description The name of the file to start an upload; after that, the object key. */
            key: string;
            /** @description The id of a multipart upload, once it is started. */
            uploadId?: string;
            /** @description The number of the part to send. */
            partNumber?: number;
            /** @description The MIME type. Default: derived from the name. */
            contentType?: string | null;
        };
        /** @description The signed request. */
        S3UppySigned: {
            url: string;
            /** @description The object key, if the request starts an upload. */
            key?: string;
            /** @description Send these headers. */
            headers?: {
                [key: string]: string;
            };
            /** @description Fields of a form, if the store accepts no PUT. */
            fields?: {
                [key: string]: string;
            };
        };
        /** @description A part that S3 holds. */
        S3UppyStoredPart: {
            PartNumber: number;
            ETag: string;
            /** @description Bytes. */
            Size: number;
        };
        /** @description Usage and limits of a user in a bucket. */
        S3Usage: {
            /** @description Bytes of all your files in the bucket, unfinished uploads included. */
            bytes: number;
            /** @description Number of those files. */
            files: number;
            /** @description Maximum of bytes; null if unlimited. */
            quota_bytes: number | null;
            /** @description Maximum of files; null if unlimited. */
            quota_files: number | null;
            /** @description Maximum bytes of one file; null if unlimited. */
            max_file_bytes: number | null;
            /** @description Accepted MIME types and groups such as `image/*`; null for all. */
            content_types: string[] | null;
            /** @description Accepted file name endings, an empty string for none; null for all. */
            extensions: string[] | null;
            /** @description Every `file_name` of yours begins with this. */
            key_prefix: string;
            /** @description You may replace your own files. */
            may_overwrite: boolean;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
