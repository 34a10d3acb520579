"""What the services take and give, and the limits of S3. No I/O."""

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
MAX_OBJECT_BYTES = tib(5)
MAX_PARTS = 10_000
MIN_PART_BYTES = mib(5)
MAX_PART_BYTES = gib(5)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html : one PUT, or one form
MAX_PUT_BYTES = gib(5)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
MAX_KEY_BYTES = 1024
# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html (X-Amz-Expires)
MAX_EXPIRATION_SECONDS = 7 * 24 * 60 * 60
# Our own: the column of the record.
MAX_CONTENT_TYPE_LENGTH = 255
# What is read and passed on at a time.
CHUNK_BYTES = mib(1)
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html (max-keys); stores of others give more.
PAGE_KEYS = 1000
# https://www.rfc-editor.org/rfc/rfc6266.html#section-4.2
DISPOSITIONS = ("attachment", "inline")

# The abilities that S3_FILE_UPLOADER_STORE may name. AWS has all of them.
CONDITIONAL_WRITES = "conditional_writes"  # PutObject and CompleteMultipartUpload obey If-None-Match.
CONDITIONAL_DELETES = "conditional_deletes"  # DeleteObject obeys If-Match.
CHECKSUMS = "checksums"  # PutObject and POST forms compare `x-amz-checksum-sha256`; the store keeps it for HEAD.
CHECKSUM_TRAILERS = "checksum_trailers"  # Bodies may end in a checksum, as boto3 sends them by default.
PAYLOAD_HASH_IN_URLS = "payload_hash_in_urls"  # Presigned PUTs compare a signed `x-amz-content-sha256`.
EXPECTED_OWNER = "expected_owner"  # Calls obey ExpectedBucketOwner.
ABILITIES = frozenset(
    (CONDITIONAL_WRITES, CONDITIONAL_DELETES, CHECKSUMS, CHECKSUM_TRAILERS, PAYLOAD_HASH_IN_URLS, EXPECTED_OWNER)
)


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket; `created_at` is aware, in UTC."""

    name: str
    created_at: datetime
    region: str


@dataclass(frozen=True, slots=True)
class BucketListing:
    """The buckets that a caller may see, and the canonical id under which S3 knows their owner."""

    owner_id: str
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class CreatedBucket:
    """A bucket just made; `location` is what S3 answered, a path or a URL."""

    name: str
    region: str
    location: str


@dataclass(frozen=True, slots=True)
class CorsRule:
    """Which pages may send a bucket which requests, and read which headers of the answers.

    Of several rules in a bucket, the first that fits a request counts.
    """

    rule_id: str
    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age_seconds: int | None


@dataclass(frozen=True, slots=True)
class CorsChange:
    """The rules of a bucket as they are now, and the origins that our own one allowed before and no longer does."""

    rules: tuple[CorsRule, ...]
    is_changed: bool
    origins_gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BrowserAccess:
    """What keeps browsers out of a bucket, in words: by its rules, and by what the store answered where it was asked.

    A store that was not asked refuses nothing; one without rules is asked always.
    """

    rules: tuple[CorsRule, ...]
    missing_in_rules: tuple[str, ...] = ()
    refused_by_store: tuple[str, ...] = ()
    store_was_asked: bool = False

    @property
    def is_enough(self) -> bool:
        """Whether pages can do all that they need."""
        return not self.missing_in_rules and not self.refused_by_store


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as S3 itself describes it (HEAD): `etag` without quotes, `metadata` with lower-case names.

    `checksum_sha256` is that of the whole object in lower-case hex, where the store was asked and knows it.
    `changed_at` is aware, and of whole seconds.
    """

    size: int
    etag: str
    content_type: str
    metadata: Mapping[str, str]
    changed_at: datetime
    checksum_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class PresignedUrl:
    """A URL that needs no further credentials until `expires_at` (aware, UTC)."""

    url: str
    method: str
    expires_in_seconds: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PresignedPost:
    """A form that uploads one object without further credentials, until `expires_at` (aware, UTC).

    All `fields` go into it as they are, before the field `file`, which comes last.
    """

    url: str
    fields: Mapping[str, str]
    expires_in_seconds: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part that S3 holds of an unfinished upload; `etag` without quotes."""

    part_number: int
    size: int
    etag: str


class Part(NamedTuple):
    """A part to send: `size` bytes of the file from `offset` on, None where the size of the file was not announced.

    They come by the thousand, and a tuple is made in a fraction of the time of a frozen dataclass.
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
    """Send the file as the body of one request, with these headers; Content-Length is that of the file."""

    method: str
    url: str
    headers: Mapping[str, str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PostTransfer:
    """Send the file as form-data: these fields first, then `file`."""

    url: str
    fields: Mapping[str, str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class MultipartTransfer:
    """Send the file in parts by PUT; `parts` are the first of them, None for sizes that were not announced."""

    part_size: int
    part_count: int | None
    parts: tuple[Part, ...]
    expires_at: datetime


Transfer = PutTransfer | PostTransfer | MultipartTransfer


@dataclass(frozen=True, slots=True)
class UploadProgress:
    """What S3 holds of an unfinished multipart upload, and which part numbers are still to be sent."""

    parts: tuple[StoredPart, ...]
    missing: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """What one user has in one bucket, uploads on their way included."""

    bytes: int
    files: int


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file under PATH_TO_SAVE_FILE; `path` is relative to that folder."""

    path: str
    file_name: str
    bucket: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object as a listing of its bucket shows it; `changed_at` is aware."""

    file_name: str
    size: int
    etag: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class ObjectListing:
    """One page of a bucket; `next_cursor` is None on the last."""

    objects: tuple[ListedObject, ...]
    prefixes: tuple[str, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What became of the files that waited; of how many nobody could tell; and how many are in quarantine still.

    Some of the last wait for a time to come, as their records say.
    """

    files_clean: int
    files_rejected: int
    files_left: int
    files_in_quarantine: int

    @property
    def is_complete(self) -> bool:
        """Whether scanners, S3 and database did what they were asked."""
        return not self.files_left


@dataclass(frozen=True, slots=True)
class HousekeepingReport:
    """How many of each kind one run found."""

    uploads_completed: int
    uploads_too_large: int
    records_settled: int
    records_left: int
    multipart_uploads_aborted: int
    multipart_uploads_unexplained: int
    buckets_left: int
    idempotency_keys_forgotten: int
    upload_tokens_forgotten: int
    share_links_forgotten: int
    audit_events_forgotten: int
    partial_files_removed: int
    saved_copies_removed: int

    @property
    def is_complete(self) -> bool:
        """Whether everything that could be seen is mended."""
        return not self.records_left and not self.buckets_left
