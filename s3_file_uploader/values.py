"""Arguments and results of the services, and the limits of S3. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


def mib(count: int) -> int:
    """Return `count` MiB in bytes."""
    return count * 2**20


def gib(count: int) -> int:
    """Return `count` GiB in bytes."""
    return count * 2**30


def tib(count: int) -> int:
    """Return `count` TiB in bytes."""
    return count * 2**40


# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MAX_PARTS = 10_000
MIN_PART_BYTES = mib(5)
MAX_PART_BYTES = gib(5)
# The largest object of AWS: about 48.8 TiB, which AWS calls 50 TB. `conf.max_object_bytes` is the limit of the store.
MAX_OBJECT_BYTES = MAX_PARTS * MAX_PART_BYTES
# The largest object of AWS until December 2025, and of the stores that followed it.
USUAL_MAX_OBJECT_BYTES = tib(5)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html (one PUT, or one POST form)
MAX_PUT_BYTES = gib(5)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
MAX_KEY_BYTES = 1024
# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html (X-Amz-Expires)
MAX_EXPIRATION_SECONDS = 7 * 24 * 60 * 60
# The length of the column in the database.
MAX_CONTENT_TYPE_LENGTH = 255
# Streams are read and written in chunks of this size.
CHUNK_BYTES = mib(1)
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html (max-keys). Other stores may return more.
PAGE_KEYS = 1000
# https://www.rfc-editor.org/rfc/rfc6266.html#section-4.2
DISPOSITIONS = ("attachment", "inline")

# The abilities that S3_FILE_UPLOADER_STORE may name. AWS has all of them.
CONDITIONAL_WRITES = "conditional_writes"  # PutObject and CompleteMultipartUpload obey If-None-Match.
CONDITIONAL_DELETES = "conditional_deletes"  # DeleteObject obeys If-Match.
CHECKSUMS = "checksums"  # PutObject and POST forms verify `x-amz-checksum-sha256`, and HEAD returns it.
CHECKSUM_TRAILERS = "checksum_trailers"  # Bodies may end in a checksum, as boto3 sends them by default.
PAYLOAD_HASH_IN_URLS = "payload_hash_in_urls"  # Presigned PUTs verify a signed `x-amz-content-sha256`.
EXPECTED_OWNER = "expected_owner"  # Calls obey ExpectedBucketOwner.
POST_FORMS = "post_forms"  # A form with a signed policy uploads an object.
BUCKET_CORS = "bucket_cors"  # Buckets have CORS rules.
LIFECYCLE = "lifecycle"  # Buckets have a rule that aborts unfinished multipart uploads.
LARGE_OBJECTS = "large_objects"  # An object may have `MAX_OBJECT_BYTES` instead of `USUAL_MAX_OBJECT_BYTES`.
ABILITIES = frozenset(
    (
        CONDITIONAL_WRITES,
        CONDITIONAL_DELETES,
        CHECKSUMS,
        CHECKSUM_TRAILERS,
        PAYLOAD_HASH_IN_URLS,
        EXPECTED_OWNER,
        POST_FORMS,
        BUCKET_CORS,
        LIFECYCLE,
        LARGE_OBJECTS,
    )
)
# The abilities that any store is assumed to have, because its first answer shows if it lacks one, and nothing is lost.
USUAL_ABILITIES = frozenset((POST_FORMS, BUCKET_CORS, LIFECYCLE))


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket. `created_at` is aware, in UTC."""

    name: str
    created_at: datetime
    region: str


@dataclass(frozen=True, slots=True)
class BucketListing:
    """The buckets that a user may see, and the canonical id of their owner in S3."""

    owner_id: str
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class CreatedBucket:
    """A new bucket. `location` is the path or URL in the response of S3."""

    name: str
    region: str
    location: str


@dataclass(frozen=True, slots=True)
class CorsRule:
    """A rule that allows pages of some origins to send requests to a bucket and to read headers of the responses.

    If a bucket has several rules, S3 applies the first one that matches a request.
    """

    rule_id: str
    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age_seconds: int | None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as HEAD describes it: `etag` without quotes, `metadata` with lower-case names.

    `checksum_sha256` is the checksum of the whole object in lower-case hex, if it was requested and the store has it.
    `changed_at` is aware, in whole seconds. `content` is all of its bytes, if they were read together with the rest.
    """

    size: int
    etag: str
    content_type: str
    metadata: Mapping[str, str]
    changed_at: datetime
    checksum_sha256: str | None = None
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class PresignedUrl:
    """A URL that needs no further credentials until `expires_at` (aware, UTC)."""

    url: str
    method: str
    expires_in_seconds: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PresignedPost:
    """A form that uploads one object without further credentials until `expires_at` (aware, UTC).

    The client sends all `fields` unchanged, and then the field `file` as the last one.
    """

    url: str
    fields: Mapping[str, str]
    expires_in_seconds: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part of an unfinished upload that S3 has stored. `etag` has no quotes."""

    part_number: int
    size: int
    etag: str


class Part(NamedTuple):
    """A part to send: `size` bytes of the file from `offset` on. Both are None if the size of the file is unknown.

    A batch has up to thousands of parts, and a tuple is created in a fraction of the time of a frozen dataclass.
    """

    part_number: int
    url: str
    offset: int | None
    size: int | None


@dataclass(frozen=True, slots=True)
class SignedParts:
    """Parts to send by PUT until `expires_at` (aware, UTC)."""

    parts: tuple[Part, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PutTransfer:
    """Send the file as the body of one request with these headers. Content-Length is the size of the file."""

    method: str
    url: str
    headers: Mapping[str, str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PostTransfer:
    """Send the file as form-data: first these fields, then `file`."""

    url: str
    fields: Mapping[str, str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class MultipartTransfer:
    """Send the file in parts by PUT. `parts` are the first parts. `part_count` is None if the size is unknown."""

    part_size: int
    part_count: int | None
    parts: tuple[Part, ...]
    expires_at: datetime


Transfer = PutTransfer | PostTransfer | MultipartTransfer


@dataclass(frozen=True, slots=True)
class UploadProgress:
    """The parts of an unfinished multipart upload that S3 has stored, and the part numbers that are missing."""

    parts: tuple[StoredPart, ...]
    missing: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """Storage that one user occupies in one bucket, including uploads in progress."""

    bytes: int
    files: int


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file below PATH_TO_SAVE_FILE. `path` is relative to that folder."""

    path: str
    file_name: str
    bucket: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object in a listing of its bucket. `changed_at` is aware."""

    file_name: str
    size: int
    etag: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class ObjectListing:
    """One page of the listing of a bucket. `next_cursor` is None on the last page."""

    objects: tuple[ListedObject, ...]
    prefixes: tuple[str, ...]
    next_cursor: str | None
