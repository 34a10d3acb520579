"""Parameters and headers in words and examples. Those that have a serializer are described there."""

from collections.abc import Iterable, Mapping
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema_serializer

from ...values import MAX_KEY_BYTES
from ..serializers import RawUploadSerializer
from .examples import (
    BUCKET,
    CHECKSUM,
    ETAG,
    FILE_NAME,
    FILE_NAME_IN_URL,
    IDEMPOTENCY_KEY,
    OBJECT_CURSOR,
    OWNER_ID,
    PRESIGN_EXAMPLE,
    PRESIGNED_URL,
    TIME,
    TIME_OF_HTTP,
    UPLOAD_CURSOR,
    UPLOAD_ID,
    USER_ID,
)

# Swagger UI fills in the first example of each parameter, and sends none that is empty.
LEFT_OUT = "left out"


@extend_schema_serializer(exclude_fields=("x_checksum_sha256",))
class RawUploadQuery(RawUploadSerializer):
    """What of it stands in the query."""


def _in_path(name: str, description: str, example: str) -> OpenApiParameter:
    examples = [OpenApiExample(name, example)]
    return OpenApiParameter(name, str, OpenApiParameter.PATH, description=description, examples=examples)


def _in_query(filled_in: Mapping[str, Any], left_out: Mapping[str, Any]) -> list[OpenApiExample]:
    examples = [(name, name, value) for name, value in filled_in.items()]
    for name, value in left_out.items():
        examples += [(name, LEFT_OUT, ""), (name, name, value)]
    return [OpenApiExample(title, value, parameter_only=(name, "query")) for name, title, value in examples]


def _in_header(name: str, description: str, example: str) -> OpenApiParameter:
    examples = [OpenApiExample(LEFT_OUT, ""), OpenApiExample(name, example)]
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=description, examples=examples)


def _of_answer(name: str, description: str, example: str, statuses: Iterable[int]) -> OpenApiParameter:
    examples = [OpenApiExample(name, example)]
    return OpenApiParameter(
        name, str, OpenApiParameter.HEADER, description=description, examples=examples, response=list(statuses)
    )


# --- the path --------------------------------------------------------------------------------------------------------

OWNER_ID_IN_PATH = _in_path(
    "owner_id",
    "Who owns the bucket: the `owner_id` of the list of buckets, or an AWS account id of 12 digits.",
    OWNER_ID,
)
USER_ID_IN_PATH = _in_path(
    "user_id", "Primary key of the user whose file it is: your own; staff may name others.", USER_ID
)
UPLOAD_ID_IN_PATH = OpenApiParameter(
    "upload_id",
    {"type": "string", "format": "uuid"},
    OpenApiParameter.PATH,
    description="The `id` of the record.",
    examples=[OpenApiExample("upload_id", UPLOAD_ID)],
)
BUCKET_IN_PATH = _in_path("bucket_name", "The bucket's name.", BUCKET)
FILE_NAME_IN_PATH = _in_path(
    "file_name",
    f"The S3 object key as it was stored, up to {MAX_KEY_BYTES} bytes of UTF-8, slashes and unicode included. "
    "Percent-encode it in the URL (RFC 3986): unicode and `?`, `#`, `%` must be encoded, slashes may be. "
    f"`{FILE_NAME}` becomes `{FILE_NAME_IN_URL}`. No segment between slashes may be empty, `.` or `..`.",
    FILE_NAME,
)

# --- the query -------------------------------------------------------------------------------------------------------

PRESIGN_IN_QUERY = _in_query(PRESIGN_EXAMPLE, {})
RAW_UPLOAD_IN_QUERY = _in_query({"overwrite": False}, {})
READ_IN_QUERY = _in_query({"proxy": True, "disposition": "attachment"}, {})
OBJECTS_IN_QUERY = _in_query({"page_size": 100}, {"cursor": OBJECT_CURSOR, "prefix": "2026/May/", "delimiter": "/"})
TOKENS_IN_QUERY = _in_query({"page_size": 100}, {"cursor": UPLOAD_CURSOR})
SHARES_IN_QUERY = _in_query({"page_size": 100}, {"cursor": UPLOAD_CURSOR, "bucket": BUCKET, "file_name": FILE_NAME})
UPLOADS_IN_QUERY = _in_query(
    {"page_size": 100},
    {
        "cursor": UPLOAD_CURSOR,
        "bucket": BUCKET,
        "status": "stored",
        "content_type": "text/plain",
        "file_name": "May/",
        "created_after": TIME,
        "created_before": TIME,
        "user_id": USER_ID,
    },
)

USAGE_IN_QUERY = _in_query({"bucket": BUCKET}, {"user_id": USER_ID})

# --- headers of requests ---------------------------------------------------------------------------------------------

IDEMPOTENCY_KEY_HEADER = _in_header(
    "Idempotency-Key",
    "1 to 255 visible ASCII characters, new for each file, such as a UUID. The same key again is answered with what "
    "the first request stored, and nothing is stored twice: repeat a request whose answer was lost with its own key.",
    IDEMPOTENCY_KEY,
)
CHECKSUM_HEADER = _in_header(
    "X-Checksum-Sha256", str(RawUploadSerializer().fields["x_checksum_sha256"].help_text), CHECKSUM
)
CONDITION_HEADERS = (
    _in_header("If-None-Match", "The `ETag` of the bytes that you have: 304 if they are still the same.", f'"{ETAG}"'),
    _in_header("If-Modified-Since", "The `Last-Modified` of the bytes that you have, likewise.", TIME_OF_HTTP),
)
RANGE_HEADERS = (
    _in_header("Range", "With `proxy=true`: the bytes that you want, such as the rest of a download.", "bytes=1-3"),
    _in_header("If-Range", "Answer `Range` only if the file still has this `ETag`, else with all of it.", f'"{ETAG}"'),
)

# --- headers of answers ----------------------------------------------------------------------------------------------

REPLAYED = _of_answer(
    "Idempotency-Replayed", "`true` where an earlier request with the same `Idempotency-Key` stored it.", "true", [201]
)
LOCATION = _of_answer("Location", "Where the bytes are, for a few minutes.", PRESIGNED_URL, [302])
OF_READING = (
    LOCATION,
    _of_answer("ETag", "Changes with the bytes.", f'"{ETAG}"', [200, 206, 304]),
    _of_answer("Last-Modified", "When they were stored.", TIME_OF_HTTP, [200, 206, 304]),
    _of_answer("Accept-Ranges", "Ranges may be asked for.", "bytes", [200, 206]),
    _of_answer(
        "Content-Disposition", "The file's original name.", "attachment; filename*=utf-8''%C3%A9t%C3%A9.txt", [200, 206]
    ),
    _of_answer("Content-Range", "Which bytes these are; with 416 how many there are.", "bytes 1-3/5", [206, 416]),
)
