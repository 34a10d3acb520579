"""The operations of the specification, and health, in words and examples.

Descriptions of fields stand beside the fields, in `serializers`.
"""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiResponse

from ..serializers import (
    BucketCreateSerializer,
    CreatedBucketSerializer,
    FileUploadFormSerializer,
    HealthSerializer,
    LiveSerializer,
    PresignedUrlSerializer,
    PresignSerializer,
    ReadySerializer,
    SavedFileSerializer,
    UploadSerializer,
)
from .examples import (
    AN_HOUR_LATER,
    BUCKET,
    CONTENT,
    ETAG,
    FILE_NAME,
    OWNER_ID,
    PRESIGN_EXAMPLE,
    PRESIGNED_URL,
    REGION,
    TIME,
    UPLOAD_EXAMPLE,
    BucketList,
)
from .parameters import (
    BUCKET_IN_PATH,
    FILE_NAME_IN_PATH,
    IDEMPOTENCY_KEY_HEADER,
    OWNER_ID_IN_PATH,
    PRESIGN_IN_QUERY,
    REPLAYED,
    USER_ID_IN_PATH,
)
from .schema import ANY_BODY, FORM, answer, body, described


def bucket_list() -> Callable[[Any], Any]:
    """Describe `bucket/list/`."""
    bucket = {"name": BUCKET, "created_at": TIME, "region": REGION}
    return described(
        "bucket_list",
        "Buckets",
        {200: answer(BucketList, "The buckets and their owner.", {"owner_id": OWNER_ID, "buckets": [bucket]})},
        summary="List the buckets that you may see.",
        description="Staff see all buckets, everybody else those that the settings open to them.",
    )


def bucket_create() -> Callable[[Any], Any]:
    """Describe `bucket/create/`."""
    created = {"name": BUCKET, "region": REGION, "location": f"/{BUCKET}"}
    return described(
        "bucket_create",
        "Buckets",
        {201: answer(CreatedBucketSerializer, "The new bucket.", created)},
        request=body(BucketCreateSerializer, "A bucket", {"bucket": BUCKET, "region": REGION}, ANY_BODY),
        summary="Create a private bucket.",
        description="For staff, unless the settings say otherwise. Give the name as `bucket` or as `bucket_name`; "
        "public access is blocked where the store can do that.",
    )


def bucket_remove() -> Callable[[Any], Any]:
    """Describe `owners/.../remove/`."""
    return described(
        "bucket_remove",
        "Buckets",
        {204: OpenApiResponse(description="The bucket is gone.")},
        parameters=(OWNER_ID_IN_PATH, BUCKET_IN_PATH),
        summary="Remove an empty bucket from its owner.",
        description="For staff, unless the settings say otherwise. Nothing is removed if the bucket holds a file or "
        "belongs to anybody but the owner named here.",
    )


def file_upload() -> Callable[[Any], Any]:
    """Describe `file/upload/`."""
    form = {"file": CONTENT.decode(), "bucket": BUCKET}
    return described(
        "file_upload",
        "Files",
        {201: answer(UploadSerializer, "The record of the stored file.", UPLOAD_EXAMPLE)},
        parameters=(IDEMPOTENCY_KEY_HEADER, REPLAYED),
        request=body(FileUploadFormSerializer, "A file", form, FORM),
        summary="Store a file and its record.",
        description="The file is sent as form-data, and goes on to S3 while it arrives: send `bucket` and the other "
        "fields before `file`. A key belongs to the user whose upload first claimed it: a second upload to it is "
        "refused, unless it is the owner's own with `overwrite=true`. The answer comes when the bytes are in S3, "
        "whole.",
    )


def file_download() -> Callable[[Any], Any]:
    """Describe `download/`."""
    path = f"{BUCKET}/{FILE_NAME}"
    saved = {"path": path, "file_name": FILE_NAME, "bucket": BUCKET, "size": len(CONTENT), "etag": ETAG}
    return described(
        "file_download",
        "Files",
        {200: answer(SavedFileSerializer, "Where the file lies now.", saved)},
        parameters=(BUCKET_IN_PATH, FILE_NAME_IN_PATH),
        summary="Save a file in the server's download folder.",
        description="The file is written to `PATH_TO_SAVE_FILE` on the server, whole or not at all; the answer says "
        "where. To get the bytes themselves, GET the file at its own address. Files of others are not found, except "
        "by staff.",
    )


def file_delete() -> Callable[[Any], Any]:
    """Describe `users/.../remove/`."""
    return described(
        "file_delete",
        "Files",
        {204: OpenApiResponse(description="The object and its record are gone.")},
        parameters=(USER_ID_IN_PATH, BUCKET_IN_PATH, FILE_NAME_IN_PATH),
        summary="Remove a file and its record.",
        description="The object goes first, then its record. A deletion that was interrupted is finished by asking "
        "again.",
    )


def file_presign_query() -> Callable[[Any], Any]:
    """Describe `file/presigned/url/` by GET."""
    return described(
        "file_presign_query",
        "Files",
        _presigned(),
        parameters=(PresignSerializer,),
        examples=PRESIGN_IN_QUERY,
        summary="Sign a URL for a file, parameters in the query.",
        description="Whoever has the URL can read the file until it expires, without further credentials.",
    )


def file_presign_body() -> Callable[[Any], Any]:
    """Describe `file/presigned/url/` by POST."""
    return described(
        "file_presign_body",
        "Files",
        _presigned(),
        request=body(PresignSerializer, "A file", PRESIGN_EXAMPLE, ANY_BODY),
        summary="Sign a URL for a file, parameters in the body.",
        description="The same as with GET, for clients that would rather not put names into a query.",
    )


def _presigned() -> dict[int, Any]:
    signed = {"url": PRESIGNED_URL, "method": "GET", "expires_in": 3600, "expires_at": AN_HOUR_LATER}
    return {200: answer(PresignedUrlSerializer, "The URL and how long it works.", signed)}


def health() -> Callable[[Any], Any]:
    """Describe `health/`."""
    return described(
        "health",
        "Health",
        {
            200: answer(HealthSerializer, "Both can be reached.", {"database": True, "storage": True}),
            503: answer(HealthSerializer, "One of them cannot be reached.", {"database": True, "storage": False}),
        },
        auth=[],
        summary="Tell whether the database and S3 can be reached.",
        description="For load balancers: without authentication and without secrets.",
    )


def health_live() -> Callable[[Any], Any]:
    """Describe `health/live/`."""
    return described(
        "health_live",
        "Health",
        {200: answer(LiveSerializer, "It does.", {"live": True})},
        auth=[],
        summary="Tell whether this process serves requests.",
        description="For the orchestrator that restarts a process: neither the database nor S3 is asked.",
    )


def health_ready() -> Callable[[Any], Any]:
    """Describe `health/ready/`."""
    return described(
        "health_ready",
        "Health",
        {
            200: answer(ReadySerializer, "It can be reached.", {"database": True}),
            503: answer(ReadySerializer, "It cannot be reached.", {"database": False}),
        },
        auth=[],
        summary="Tell whether the database can be reached.",
        description="S3 is not asked: lists and records need none.",
    )
