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
        /** A bucket. */
        S3Bucket: {
            name: string;
            /** ISO 8601. */
            created_at: string;
            region: string;
        };
        /** The bucket to create. */
        S3BucketCreateRequest: {
            /** Name of the new bucket. */
            bucket?: string;
            /** Alias of `bucket`. */
            bucket_name?: string;
            /** For example `eu-west-1`. Default: the configured region. */
            region?: string;
        };
        /** The buckets and their owner. */
        S3BucketList: {
            /** The owner of the buckets, from S3. Removing a bucket requires it. */
            owner_id: string;
            buckets: components["schemas"]["S3Bucket"][];
        };
        /** The new bucket. */
        S3CreatedBucket: {
            name: string;
            region: string;
            /** A path or a URL, from S3. */
            location: string;
        };
        /** @enum {string} */
        S3Disposition: "attachment" | "inline";
        /** The body of every error. */
        S3Error: {
            /** A stable code, for programs. */
            code: components["schemas"]["S3ErrorCode"] | string;
            /** A message for people, with the next step. */
            detail: string;
            /** The errors of each field; only for validation errors. */
            errors?: {
                [key: string]: components["schemas"]["S3FieldError"][];
            };
            /** The limits of the bucket's policy that forbid the request, and your usage. */
            limit?: {
                [key: string]: unknown;
            };
        };
        /** @enum {string} */
        S3ErrorCode: "bucket_exists" | "bucket_not_allowed" | "bucket_not_empty" | "bucket_not_found" | "bucket_owner_mismatch" | "checksum_mismatch" | "content_type_mismatch" | "content_type_not_allowed" | "database_unavailable" | "download_folder_full" | "file_exists" | "file_in_use" | "file_not_found" | "file_rejected" | "file_too_large" | "idempotency_key_reused" | "invalid" | "invalid_bucket_name" | "invalid_file_name" | "length_required" | "method_not_allowed" | "not_acceptable" | "not_authenticated" | "not_your_file" | "parts_missing" | "permission_denied" | "precondition_failed" | "quarantined" | "quota_exceeded" | "range_not_satisfiable" | "request_too_slow" | "share_not_found" | "size_mismatch" | "storage_access_denied" | "storage_error" | "storage_not_configured" | "storage_timeout" | "storage_unavailable" | "throttled" | "unsupported_media_type" | "upload_in_progress" | "upload_not_found" | "upload_not_pending" | "upload_token_not_found";
        /** An error of one field. */
        S3FieldError: {
            code: string;
            detail: string;
        };
        /** The file and its bucket, as form-data. */
        S3FileUploadFormRequest: {
            /**
             * An existing bucket.
             * @example my-first-bucket
             */
            bucket: string;
            /**
             * The owner of the file. Default: you. Staff may name other users.
             * @example
             */
            user_id?: string;
            /**
             * The object key. Default: the name of the file part.
             * @example
             */
            file_name?: string;
            /**
             * The name on the device, if the file part cannot carry it. Default: the name of the file part.
             * @example
             */
            original_name?: string;
            /**
             * Replace your own file of that name; never another user's. Default: `false`.
             * @example false
             */
            overwrite?: boolean;
            /**
             * SHA-256 of the file in hex. On a mismatch, nothing is stored.
             * @example
             */
            checksum_sha256?: string;
            /**
             * Format: binary
             * The file, as a file part with a file name.
             */
            file: string;
        };
        /** One page of a folder. */
        S3Folder: {
            /** URL of the next page; null on the last. */
            readonly next: string | null;
            /** Always null: the list is read forward only. */
            readonly previous: string | null;
            /** The groups that `delimiter` made. */
            prefixes: string[];
            results: components["schemas"]["S3Upload"][];
        };
        /** The database and S3 can be reached. */
        S3Health: {
            database: boolean;
            storage: boolean;
        };
        /** An object in a bucket. */
        S3ListedObject: {
            /** The object key. */
            file_name: string;
            /** Bytes. */
            size: number;
            etag: string;
            /**
             * ISO 8601.
             * When the object was last written.
             */
            changed_at: string;
        };
        /** The process serves requests. */
        S3Live: {
            live: boolean;
        };
        /** @enum {string} */
        S3MultipartStrategy: "multipart";
        /** Send the file in parts; POST to `parts/` for the URLs of parts that are not listed here. */
        S3MultipartTransfer: {
            /**
             * discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            strategy: "multipart";
            /** Bytes of every part except the last. */
            part_size: number;
            part_count: number;
            parts: components["schemas"]["S3Part"][];
            /** ISO 8601. */
            expires_at: string;
        };
        /** The new link. The server shows `url` only in this response. */
        S3NewShareLink: {
            /** UUID. */
            id: string;
            /** Primary key of the user who made the link, as a string. */
            user_id: string;
            bucket: string;
            /** The object key. */
            file_name: string;
            /** ISO 8601. */
            created_at: string;
            /** ISO 8601. */
            expires_at: string;
            /** ISO 8601. */
            revoked_at: string | null;
            /** Null: no limit. */
            max_downloads: number | null;
            /** How often clients followed it. */
            downloads: number;
            /** The link; it lets clients without an account read the file. */
            readonly url: string;
        };
        /** The new token. The server shows it only in this response. */
        S3NewUploadToken: {
            /** UUID. */
            id: string;
            token: string;
            /** The endpoint for Uppy; it contains the token. */
            readonly endpoint: string;
            /** ISO 8601. */
            expires_at: string;
        };
        /** One page of objects. */
        S3ObjectList: {
            /** URL of the next page; null on the last. */
            readonly next: string | null;
            /** Always null: the list is read forward only. */
            readonly previous: string | null;
            /** The groups that `delimiter` made. */
            prefixes: string[];
            results: components["schemas"]["S3ListedObject"][];
        };
        /** Send these bytes of the file by PUT, without additional headers. */
        S3Part: {
            part_number: number;
            /** The URL to send it to; it needs no other credentials. */
            url: string;
            /** Bytes before this part; null if the size of the file is unknown, as with Uppy. */
            offset: number | null;
            /** Bytes of this part; null if the size of the file is unknown. */
            size: number | null;
        };
        /** The parts to sign, selected in one of three ways. */
        S3PartsWantedRequest: {
            /** Sign these parts. */
            part_numbers?: number[];
            /** With `last`: sign every part from this number on. */
            first?: number;
            /** With `first`: sign every part up to this number. */
            last?: number;
            /** `true`: sign every part that S3 does not hold yet. */
            missing?: boolean;
        };
        /** @enum {string} */
        S3PostStrategy: "post";
        /** Send the file as form-data. */
        S3PostTransfer: {
            /**
             * discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            strategy: "post";
            /** `POST`. */
            method: string;
            /** The URL to send it to; it needs no other credentials. */
            url: string;
            /** Send these fields unchanged and first, then the file as the last field, `file`. */
            fields: {
                [key: string]: string;
            };
            /** ISO 8601. */
            expires_at: string;
        };
        /** The file, and how long its URL works. */
        S3PresignRequest: {
            /** The object key of one of your stored files. */
            file_name: string;
            /** The bucket of the file. */
            bucket: string;
            /**
             * Seconds until the URL expires; it expires earlier if the server's own credentials do. Default: `3600`.
             * @example 3600
             */
            expiration?: number;
            /**
             * `attachment`: a browser saves the file. `inline`: it shows the file, if its type is safe to show. Default: `attachment`.
             * @example attachment
             */
            disposition?: components["schemas"]["S3Disposition"];
        };
        /** The presigned URL. */
        S3PresignedUrl: {
            /** Works without other credentials until it expires. */
            url: string;
            method: string;
            /** Seconds. */
            expires_in: number;
            /** ISO 8601. */
            expires_at: string;
        };
        /** @enum {string} */
        S3PutStrategy: "put";
        /** Send the file as the body of one request. */
        S3PutTransfer: {
            /**
             * discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            strategy: "put";
            /** `PUT`. */
            method: string;
            /** The URL to send it to; it needs no other credentials. */
            url: string;
            /** Send these headers unchanged, and the Content-Length of the file. */
            headers: {
                [key: string]: string;
            };
            /** ISO 8601. */
            expires_at: string;
        };
        /** The database can be reached. */
        S3Ready: {
            database: boolean;
        };
        /** The saved file. */
        S3SavedFile: {
            /** Relative to PATH_TO_SAVE_FILE on the server. */
            path: string;
            file_name: string;
            bucket: string;
            /** Bytes. */
            size: number;
            etag: string;
        };
        /** The file to share, and the limits of its link. */
        S3ShareCreateRequest: {
            /** The bucket of the file. */
            bucket: string;
            /** The object key of a stored file. */
            file_name: string;
            /** Seconds, up to S3_FILE_UPLOADER_SHARE_MAX_SECONDS. Default: a day. */
            expires_in?: number | null;
            /** How often clients may follow the link. Default: no limit. */
            max_downloads?: number | null;
        };
        /** One share link without its secret. */
        S3ShareLink: {
            /** UUID. */
            id: string;
            /** Primary key of the user who made the link, as a string. */
            user_id: string;
            bucket: string;
            /** The object key. */
            file_name: string;
            /** ISO 8601. */
            created_at: string;
            /** ISO 8601. */
            expires_at: string;
            /** ISO 8601. */
            revoked_at: string | null;
            /** Null: no limit. */
            max_downloads: number | null;
            /** How often clients followed it. */
            downloads: number;
        };
        /** One page of the list. */
        S3ShareLinkList: {
            /** URL of the next page; null on the last. */
            next: string | null;
            /** URL of the previous page; null on the first. */
            previous: string | null;
            results: components["schemas"]["S3ShareLink"][];
        };
        /** The URLs of the parts. */
        S3SignedParts: {
            parts: components["schemas"]["S3Part"][];
            /** ISO 8601. */
            expires_at: string;
        };
        /** The record, and as `transfer` the requests that the client sends to S3. */
        S3StartedUpload: {
            /** UUID. */
            id: string;
            /** Primary key of the owner, as a string. */
            user_id: string | null;
            bucket: string;
            /** The object key. */
            file_name: string;
            /** The object key as users see it: without the id of a direct upload. */
            path: string;
            original_name: string;
            /** Bytes; until the file is stored, the announced size or null. */
            size: number | null;
            content_type: string;
            etag: string;
            /** Lower-case hex. Empty for a direct upload, unless the client or S3 gave it. */
            checksum_sha256: string;
            status: components["schemas"]["S3UploadStatus"];
            /** Why the file was rejected or is in quarantine; otherwise empty. */
            status_reason: string;
            /** ISO 8601. */
            created_at: string;
            /** ISO 8601. */
            completed_at: string | null;
            /** The address of the file, for users who may read it; null in quarantine and after a rejection. */
            readonly url: string | null;
            /** The requests that the client sends to S3; null if the file is stored already. */
            transfer: components["schemas"]["S3Transfer"] | null;
        };
        /** A part that S3 holds. */
        S3StoredPart: {
            part_number: number;
            /** Bytes. */
            size: number;
            etag: string;
        };
        S3Transfer: components["schemas"]["S3PutTransfer"] | components["schemas"]["S3PostTransfer"] | components["schemas"]["S3MultipartTransfer"];
        /** @enum {string} */
        S3TransferStrategy: "auto" | "put" | "post" | "multipart";
        /** The record of an upload. */
        S3Upload: {
            /** UUID. */
            id: string;
            /** Primary key of the owner, as a string. */
            user_id: string | null;
            bucket: string;
            /** The object key. */
            file_name: string;
            /** The object key as users see it: without the id of a direct upload. */
            path: string;
            original_name: string;
            /** Bytes; until the file is stored, the announced size or null. */
            size: number | null;
            content_type: string;
            etag: string;
            /** Lower-case hex. Empty for a direct upload, unless the client or S3 gave it. */
            checksum_sha256: string;
            status: components["schemas"]["S3UploadStatus"];
            /** Why the file was rejected or is in quarantine; otherwise empty. */
            status_reason: string;
            /** ISO 8601. */
            created_at: string;
            /** ISO 8601. */
            completed_at: string | null;
            /** The address of the file, for users who may read it; null in quarantine and after a rejection. */
            readonly url: string | null;
        };
        /** One page of the list. */
        S3UploadList: {
            /** URL of the next page; null on the last. */
            next: string | null;
            /** URL of the previous page; null on the first. */
            previous: string | null;
            results: components["schemas"]["S3Upload"][];
        };
        /** The parts that S3 holds, and the numbers of the missing ones. */
        S3UploadProgress: {
            parts: components["schemas"]["S3StoredPart"][];
            /** Numbers of the parts that S3 does not hold yet. */
            missing: number[];
        };
        /** The file to upload. */
        S3UploadStartRequest: {
            /** An existing bucket. */
            bucket: string;
            /** The name on the device; the object key ends with it. */
            file_name: string;
            /** Bytes, up to 53687091200000 on AWS, and 5497558138880 on other stores. */
            size: number;
            /** MIME type. Default: derived from the name. */
            content_type?: string | null;
            /** SHA-256 of the file in hex. On a mismatch, nothing is stored. */
            checksum_sha256?: string | null;
            /**
             * `auto` decides by size. Default: `auto`.
             * @example auto
             */
            strategy?: components["schemas"]["S3TransferStrategy"];
            /** The owner of the file. Default: you. Staff may name other users. */
            user_id?: string | null;
        };
        /** @enum {string} */
        S3UploadStatus: "pending" | "quarantined" | "stored" | "rejected" | "deleting";
        /** An upload token, without its secret. */
        S3UploadToken: {
            /** UUID. */
            id: string;
            /** ISO 8601. */
            created_at: string;
            /** ISO 8601. */
            expires_at: string;
            /** ISO 8601. */
            revoked_at: string | null;
        };
        /** The lifetime of the token. */
        S3UploadTokenCreateRequest: {
            /**
             * Seconds, up to S3_FILE_UPLOADER_UPPY_TOKEN_MAX_SECONDS. Default: `3600`.
             * @example 3600
             */
            expires_in?: number;
        };
        /** One page of the list. */
        S3UploadTokenList: {
            /** URL of the next page; null on the last. */
            next: string | null;
            /** URL of the previous page; null on the first. */
            previous: string | null;
            results: components["schemas"]["S3UploadToken"][];
        };
        /** The parts of the file. */
        S3UppyCompleteRequest: {
            /** Every part of the file. */
            parts: components["schemas"]["S3UppyPartNumberRequest"][];
        };
        /** The stored file. */
        S3UppyCompleted: {
            /** The `url` of the record; null in quarantine. */
            location: string | null;
            /** The object key. */
            key: string;
            bucket: string;
        };
        /** The file to upload. */
        S3UppyFileRequest: {
            /** The name on the device. */
            filename: string;
            /** The MIME type. Default: derived from the name. */
            type?: string | null;
            /** `bucket`: the bucket. Default: the setting S3_FILE_UPLOADER_UPPY_BUCKET. Other keys are ignored. */
            metadata?: {
                [key: string]: unknown;
            } | null;
        };
        /** The request that sends the file to S3. */
        S3UppyForm: {
            /** POST; PUT if the store accepts no forms. */
            method: string;
            url: string;
            /** Send these fields before the file; `key` is the object key. */
            fields: {
                [key: string]: string;
            };
            /** Send these headers; only with PUT. */
            headers?: {
                [key: string]: string;
            };
            /** Seconds until the URL expires. */
            expires: number;
        };
        /** @enum {string} */
        S3UppyMethod: "PUT" | "POST" | "GET" | "DELETE";
        /** The started upload. */
        S3UppyMultipart: {
            /** The object key. */
            key: string;
            /** The `id` of the record. */
            uploadId: string;
            bucket: string;
        };
        /** The URL of the part. */
        S3UppyPart: {
            /** Send the part by PUT, without additional headers. */
            url: string;
            /** Seconds until the URL expires. */
            expires: number;
        };
        /** A part of the file. */
        S3UppyPartNumberRequest: {
            /** Its position in the file, from 1. */
            PartNumber: number;
            /** Ignored: the server asks S3 for it. */
            ETag?: string;
        };
        /** The URLs of the parts. */
        S3UppyParts: {
            /** The URL of each part, by its number. */
            presignedUrls: {
                [key: string]: string;
            };
        };
        /** The request to sign, as Uppy passes it to `signRequest`. */
        S3UppySignRequest: {
            /** The method of the request to sign. */
            method: components["schemas"]["S3UppyMethod"];
            /** The name of the file to start an upload; after that, the object key. */
            key: string;
            /** The id of a multipart upload, once it is started. */
            uploadId?: string;
            /** The number of the part to send. */
            partNumber?: number;
            /** The MIME type. Default: derived from the name. */
            contentType?: string | null;
        };
        /** The signed request. */
        S3UppySigned: {
            url: string;
            /** The object key, if the request starts an upload. */
            key?: string;
            /** Send these headers. */
            headers?: {
                [key: string]: string;
            };
            /** Fields of a form, if the store accepts no PUT. */
            fields?: {
                [key: string]: string;
            };
        };
        /** A part that S3 holds. */
        S3UppyStoredPart: {
            PartNumber: number;
            ETag: string;
            /** Bytes. */
            Size: number;
        };
        /** Usage and limits of a user in a bucket. */
        S3Usage: {
            /** Bytes of all your files in the bucket, unfinished uploads included. */
            bytes: number;
            /** Number of those files. */
            files: number;
            /** Maximum of bytes; null if unlimited. */
            quota_bytes: number | null;
            /** Maximum of files; null if unlimited. */
            quota_files: number | null;
            /** Maximum bytes of one file; null if unlimited. */
            max_file_bytes: number | null;
            /** Accepted MIME types and groups such as `image/*`; null for all. */
            content_types: string[] | null;
            /** Accepted file name endings, an empty string for none; null for all. */
            extensions: string[] | null;
            /** Every `file_name` of yours begins with this. */
            key_prefix: string;
            /** You may replace your own files. */
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
