"""Describe the endpoints of share links."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema_serializer
from rest_framework import serializers

from ..serializers import NewShareLinkSerializer, ShareCreateSerializer, ShareLinkSerializer, ShareListQuerySerializer
from .examples import AN_HOUR_LATER, BUCKET, FILE_NAME, SERVICE, SHARE_ID, SHARE_IN_URL, TIME, UPLOAD_CURSOR, USER_ID
from .parameters import LOCATION, SHARES_IN_QUERY
from .schema import ANY_BODY, answer, body, described

SHARE_EXAMPLE = {
    "id": SHARE_ID,
    "user_id": USER_ID,
    "bucket": BUCKET,
    "file_name": FILE_NAME,
    "created_at": TIME,
    "expires_at": AN_HOUR_LATER,
    "revoked_at": None,
    "max_downloads": 10,
    "downloads": 0,
}


@extend_schema_serializer(many=False, component_name="S3ShareLinkList")
class SharePage(serializers.Serializer[Any]):
    """Response to GET `shares/`."""

    next = serializers.CharField(allow_null=True, help_text="The next page, with older links; null on the last.")
    previous = serializers.CharField(allow_null=True, help_text="The page before; null on the first.")
    results = ShareLinkSerializer(many=True)


def _in_path(words: str, example: str) -> OpenApiParameter:
    examples = [OpenApiExample("share", example)]
    return OpenApiParameter("share", str, OpenApiParameter.PATH, description=words, examples=examples)


def share_create() -> Callable[[Any], Any]:
    """Describe POST `shares/`."""
    made = {**SHARE_EXAMPLE, "url": f"{SERVICE}shares/{SHARE_IN_URL}/"}
    params = {"bucket": BUCKET, "file_name": FILE_NAME, "expires_in": 3600, "max_downloads": 10}
    return described(
        "share_create",
        "Shares",
        {201: answer(NewShareLinkSerializer, "The link.", made)},
        request=body(ShareCreateSerializer, "Ten times within an hour", params, ANY_BODY),
        summary="Share a file by a link.",
        description="For the owner of the file and staff. Clients that have `url` read the file as it is now, without "
        "an account, until the link expires, is used up or revoked, or the file is replaced or deleted. Only this "
        "response shows `url`.",
    )


def share_list() -> Callable[[Any], Any]:
    """Describe GET `shares/`."""
    page = {"next": f"{SERVICE}shares/?cursor={UPLOAD_CURSOR}", "previous": None, "results": [SHARE_EXAMPLE]}
    return described(
        "share_list",
        "Shares",
        {200: answer(SharePage, "One page of links.", page)},
        parameters=(ShareListQuerySerializer,),
        examples=SHARES_IN_QUERY,
        summary="List the links that you made, or all links to a file, newest first.",
        description="With `bucket` and `file_name`, the owner of a file and staff see all links to it. `url` is not "
        "shown. Housekeeping removes expired links.",
    )


def share_follow() -> Callable[[Any], Any]:
    """Describe GET `shares/../`."""
    return described(
        "share_follow",
        "Shares",
        {302: OpenApiResponse(description="The bytes are at `Location`.")},
        parameters=(_in_path("The secret of the link.", SHARE_IN_URL), LOCATION),
        auth=[],
        summary="Read a shared file.",
        description="Without an account. Redirects to a presigned URL that works for a few minutes, and counts the "
        "download; HEAD redirects alike and is not counted. Browsers save the file, whatever its type. Links that are "
        "expired, revoked or used up, or whose file has changed, are not found, like links that never existed.",
    )


def share_revoke() -> Callable[[Any], Any]:
    """Describe DELETE `shares/../`."""
    return described(
        "share_revoke",
        "Shares",
        {204: OpenApiResponse(description="The link is refused from now on.")},
        parameters=(_in_path("The `id` of the link.", SHARE_ID),),
        summary="Revoke a share link.",
        description="For the user who made it, the owner of the file, and staff. URLs to which it has redirected "
        "clients work until they expire, a few minutes at most.",
    )
