"""Describe the parameters and headers that have no serializer, in words and examples."""

from collections.abc import Iterator
from typing import Any, Literal

from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework import serializers
from rest_framework.fields import empty

from ...values import MAX_KEY_BYTES, MAX_PARTS
from ..serializers.requests import RawUploadSerializer
from . import examples as shown

# Swagger UI fills in the first example of each parameter, and sends none that is empty.
LEFT_OUT = "left out"
Place = Literal["path", "query", "header"]
UUID = {"type": "string", "format": "uuid"}


def parameter(place: Place, name: str, words: str, value: Any, kind: Any = str, **more: Any) -> OpenApiParameter:
    """Return a parameter, or with `response` a header of responses, and an example of it."""
    examples = [OpenApiExample(name, value)]
    if place == "header" and not more:
        examples.insert(0, OpenApiExample(LEFT_OUT, ""))
    return OpenApiParameter(name, kind, place, description=words, examples=examples, **more)


# In the path, a name means the same in each address.
OWNER_ID = "The owner of the bucket: the `owner_id` of the list of buckets, or an AWS account id of 12 digits."
USER_ID = "Primary key of the user who owns the file: your own. Staff may name other users."
FILE_NAME = (
    f"The S3 object key, up to {MAX_KEY_BYTES} bytes of UTF-8, with its slashes. Percent-encode it in the URL "
    "(RFC 3986): unicode and `?`, `#`, `%` must be encoded, slashes may be. "
    f"`{shown.FILE_NAME}` becomes `{shown.FILE_NAME_IN_URL}`. No segment between slashes may be empty, `.` or `..`."
)
IN_PATH = {
    "owner_id": parameter("path", "owner_id", OWNER_ID, shown.OWNER_ID),
    "user_id": parameter("path", "user_id", USER_ID, shown.USER_ID),
    "upload_id": parameter("path", "upload_id", "The `id` of the record.", shown.UPLOAD_ID, UUID),
    "bucket_name": parameter("path", "bucket_name", "The name of the bucket.", shown.BUCKET),
    "file_name": parameter("path", "file_name", FILE_NAME, shown.FILE_NAME),
    "part_number": parameter("path", "part_number", f"1 to {MAX_PARTS}.", 1, int),
    "token_id": parameter("path", "token_id", "The `id` of the upload token.", shown.UPLOAD_ID, UUID),
}
# A link is followed by its secret, and revoked by its id.
SHARE_SECRET = parameter("path", "share", "The secret of the link.", shown.SHARE_IN_URL)
SHARE_ID = parameter("path", "share", "The `id` of the link.", shown.SHARE_ID)

# The example of any other field is its default.
QUERY_VALUES: dict[str, Any] = {
    "bucket": shown.BUCKET,
    "file_name": shown.FILE_NAME,
    "user_id": shown.USER_ID,
    "cursor": shown.UPLOAD_CURSOR,
    "created_after": shown.TIME,
    "created_before": shown.TIME,
    "content_type": "text/plain",
    "status": "stored",
    "prefix": "2026/May/",
    "delimiter": "/",
}
KEY = parameter("query", "key", "The object key, as the start returned it.", shown.DIRECT_KEY, required=True)
PART_NUMBERS = parameter("query", "partNumbers", "Part numbers, separated by commas.", "1,2", required=True)
UPPY_BUCKET = "The bucket. Default: the setting S3_FILE_UPLOADER_UPPY_BUCKET."
UPPY_FILE = (
    parameter("query", "filename", "The name on the device.", "été.txt", required=True),
    parameter("query", "type", "The MIME type. Default: derived from the name.", "text/plain"),
    parameter("query", "metadata[bucket]", UPPY_BUCKET, shown.BUCKET),
)


def query_examples(query: type[serializers.Serializer[Any]]) -> Iterator[OpenApiExample]:
    """Yield the examples of each field of a query; Swagger UI fills in what is required or has a default."""
    for name, field in query().fields.items():
        if not field.required and field.default is empty:
            yield OpenApiExample(LEFT_OUT, "", parameter_only=(name, "query"))
        yield OpenApiExample(name, QUERY_VALUES.get(name, field.default), parameter_only=(name, "query"))


IDEMPOTENCY_KEY = (
    "1 to 255 visible ASCII characters, new for each file, such as a UUID. If the response to a request was lost, "
    "repeat the request with its key: the server returns what the first request stored, and stores nothing twice."
)
IF_RANGE = "Apply `Range` only if the file still has this `ETag`; else return all of it."
CHECKSUM = str(RawUploadSerializer().fields["x_checksum_sha256"].help_text)
CHECKSUM_HEADER = (
    parameter("header", "X-Checksum-Sha256", CHECKSUM, shown.CHECKSUM),
    OpenApiParameter("x_checksum_sha256", exclude=True),  # The serializer's field for it is none of the query.
)
ETAG = f'"{shown.ETAG}"'
READ_HEADERS = (
    parameter("header", "If-None-Match", "The `ETag` of your copy: 304 if the file is still the same.", ETAG),
    parameter("header", "If-Modified-Since", "The `Last-Modified` of your copy, likewise.", shown.TIME_OF_HTTP),
    parameter("header", "Range", "With `proxy=true`: the bytes to read, such as the rest of a download.", "bytes=1-3"),
    parameter("header", "If-Range", IF_RANGE, ETAG),
)

NAME = "attachment; filename*=utf-8''%C3%A9t%C3%A9.txt"
REPLAYED = "`true` if an earlier request with the same `Idempotency-Key` stored it."
IDEMPOTENT = (
    parameter("header", "Idempotency-Key", IDEMPOTENCY_KEY, shown.IDEMPOTENCY_KEY),
    parameter("header", "Idempotency-Replayed", REPLAYED, "true", response=[201]),
)
LOCATION = parameter("header", "Location", "The URL of the bytes, for minutes.", shown.PRESIGNED_URL, response=[302])
OF_READING = (
    LOCATION,
    parameter("header", "ETag", "Changes with the bytes.", ETAG, response=[200, 206, 304]),
    parameter("header", "Last-Modified", "When the bytes were stored.", shown.TIME_OF_HTTP, response=[200, 206, 304]),
    parameter("header", "Accept-Ranges", "The server accepts `Range`.", "bytes", response=[200, 206]),
    parameter("header", "Content-Disposition", "The file's original name.", NAME, response=[200, 206]),
    parameter("header", "Content-Range", "These bytes; with 416, the size.", "bytes 1-3/5", response=[206, 416]),
)
