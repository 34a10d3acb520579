"""The operations on a file under its own address, and the list of a bucket, in words and examples."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse

from ..serializers import ObjectsWantedSerializer, ReadSerializer, UploadSerializer
from .examples import BUCKET, CONTENT, ETAG, FILE_NAME, OBJECT_CURSOR, SERVICE, TIME, UPLOAD_EXAMPLE, ObjectPage
from .parameters import (
    BUCKET_IN_PATH,
    CHECKSUM_HEADER,
    CONDITION_HEADERS,
    FILE_NAME_IN_PATH,
    IDEMPOTENCY_KEY_HEADER,
    OBJECTS_IN_QUERY,
    OF_READING,
    RANGE_HEADERS,
    RAW_UPLOAD_IN_QUERY,
    READ_IN_QUERY,
    REPLAYED,
    RawUploadQuery,
)
from .schema import answer, body, described

BYTES = ("application/octet-stream", "*/*")


def file_put() -> Callable[[Any], Any]:
    """Describe PUT `buckets/../files/../`."""
    return described(
        "file_put",
        "Files",
        {201: answer(UploadSerializer, "The record of the stored file.", UPLOAD_EXAMPLE)},
        parameters=(
            BUCKET_IN_PATH,
            FILE_NAME_IN_PATH,
            RawUploadQuery,
            CHECKSUM_HEADER,
            IDEMPOTENCY_KEY_HEADER,
            REPLAYED,
        ),
        examples=RAW_UPLOAD_IN_QUERY,
        request=body(OpenApiTypes.BINARY, "The file", CONTENT.decode(), BYTES),
        summary="Store the body of the request as a file.",
        description="The body is the file itself, without a form around it; `Content-Type` says what it is, else its "
        "name does. It goes on to S3 while it arrives, whatever its size, and is stored as it comes: send no "
        "`Content-Encoding`. The final slash may be left out. In all else it is like the upload by form-data.",
    )


def file_get() -> Callable[[Any], Any]:
    """Describe GET `buckets/../files/../`."""
    content = CONTENT.decode()
    return described(
        "file_get",
        "Files",
        {
            (200, "*/*"): answer(OpenApiTypes.BINARY, "The file, through this server.", content),
            (206, "*/*"): answer(OpenApiTypes.BINARY, "The range, through this server.", content[1:4]),
            302: OpenApiResponse(description="The bytes are at `Location`."),
            304: OpenApiResponse(description="You have these bytes already."),
        },
        parameters=(BUCKET_IN_PATH, FILE_NAME_IN_PATH, ReadSerializer, *CONDITION_HEADERS, *RANGE_HEADERS, *OF_READING),
        examples=READ_IN_QUERY,
        summary="Read a file.",
        description="Sends you on to a presigned URL that works for a few minutes: S3 itself gives the bytes, ranges "
        "included. With `proxy=true` they come through this server, for clients that cannot reach S3; several ranges "
        "come as `multipart/byteranges`. HEAD is answered with the same headers and no body. Leave the final slash out "
        "where a name ends in `/download`. Files of others are not found, except by staff.",
    )


def file_remove() -> Callable[[Any], Any]:
    """Describe DELETE `buckets/../files/../`."""
    return described(
        "file_remove",
        "Files",
        {204: OpenApiResponse(description="The object and its record are gone.")},
        parameters=(BUCKET_IN_PATH, FILE_NAME_IN_PATH),
        summary="Remove a file and its record, by the address of the file.",
        description="The same as the removal that names the user, for clients that know the address alone.",
    )


def object_list() -> Callable[[Any], Any]:
    """Describe GET `buckets/../files/`."""
    listed = {"file_name": FILE_NAME, "size": len(CONTENT), "etag": ETAG, "changed_at": TIME}
    next_page = f"{SERVICE}buckets/{BUCKET}/files/?cursor={OBJECT_CURSOR}"
    page = {"next": next_page, "previous": None, "prefixes": [], "results": [listed]}
    return described(
        "object_list",
        "Buckets",
        {200: answer(ObjectPage, "One page of objects.", page)},
        parameters=(BUCKET_IN_PATH, ObjectsWantedSerializer),
        examples=OBJECTS_IN_QUERY,
        summary="List the objects in a bucket.",
        description="In the order of S3, which is that of the bytes of their keys. Staff see every object. Everybody "
        "else sees the files that they may read, and learns nothing about others. Go on until `next` is null.",
    )
