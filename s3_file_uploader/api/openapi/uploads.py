"""The operations on the records of uploads, in words and examples."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiResponse

from ..serializers import UploadSerializer, UploadsWantedSerializer, UsageSerializer, UsageWantedSerializer
from .examples import SERVICE, UPLOAD_CURSOR, UPLOAD_EXAMPLE, USAGE_EXAMPLE, UploadPage
from .parameters import UPLOAD_ID_IN_PATH, UPLOADS_IN_QUERY, USAGE_IN_QUERY
from .schema import answer, described


def upload_list() -> Callable[[Any], Any]:
    """Describe GET `uploads/`."""
    page = {"next": f"{SERVICE}uploads/?cursor={UPLOAD_CURSOR}", "previous": None, "results": [UPLOAD_EXAMPLE]}
    return described(
        "upload_list",
        "Uploads",
        {200: answer(UploadPage, "One page of records.", page)},
        parameters=(UploadsWantedSerializer,),
        examples=UPLOADS_IN_QUERY,
        summary="List the records of uploads, newest first.",
        description="Your own; staff see everybody's, or those of `user_id`. Filters that are given together must all "
        "hold. Go on with `next` until it is null.",
    )


def upload_usage() -> Callable[[Any], Any]:
    """Describe GET `uploads/usage/`."""
    return described(
        "upload_usage",
        "Uploads",
        {200: answer(UsageSerializer, "Usage and limits.", USAGE_EXAMPLE)},
        parameters=(UsageWantedSerializer,),
        examples=USAGE_IN_QUERY,
        summary="Show what you have in a bucket, and what you may have.",
        description="Counted as the quota counts: what is stored with its size, what is on its way with what was "
        "announced, or with the bytes that have come so far. Ask before you offer a file to be chosen.",
    )


def upload_get() -> Callable[[Any], Any]:
    """Describe GET `uploads/../`."""
    return described(
        "upload_get",
        "Uploads",
        {200: answer(UploadSerializer, "The record.", UPLOAD_EXAMPLE)},
        parameters=(UPLOAD_ID_IN_PATH,),
        summary="Show the record of an upload.",
        description="Whatever its status. `stored` means that the bytes are in S3, whole; `pending`, that they "
        "are on their way; `deleting`, that they are being removed. Records of others are not found, except by staff.",
    )


def upload_delete() -> Callable[[Any], Any]:
    """Describe DELETE `uploads/../`."""
    return described(
        "upload_delete",
        "Uploads",
        {204: OpenApiResponse(description="The object and its record are gone.")},
        parameters=(UPLOAD_ID_IN_PATH,),
        summary="Remove a file and its record, by the id of the record.",
        description="Whatever its status: a direct upload on its way is aborted, and what an upload left behind that "
        "was cut off is removed too.",
    )
