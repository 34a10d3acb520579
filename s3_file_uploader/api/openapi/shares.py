"""Share links, in words and examples."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema_serializer
from rest_framework import serializers

from ..serializers import NewShareLinkSerializer, PageSerializer, ShareCreateSerializer, ShareLinkSerializer
from .examples import AN_HOUR_LATER, BUCKET, FILE_NAME, SERVICE, SHARE_ID, SHARE_IN_URL, TIME, UPLOAD_CURSOR, USER_ID
from .parameters import BUCKET_IN_PATH, FILE_NAME_IN_PATH, LOCATION, TOKENS_IN_QUERY
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
    """Answer of GET `shares/`."""

    next = serializers.CharField(allow_null=True, help_text="The next page, with older links; null on the last.")
    previous = serializers.CharField(allow_null=True, help_text="The page before; null on the first.")
    results = ShareLinkSerializer(many=True)


def _in_path(words: str, example: str) -> OpenApiParameter:
    examples = [OpenApiExample("share", example)]
    return OpenApiParameter("share", str, OpenApiParameter.PATH, description=words, examples=examples)


def _page(address: str) -> dict[int, Any]:
    page = {"next": f"{SERVICE}{address}?cursor={UPLOAD_CURSOR}", "previous": None, "results": [SHARE_EXAMPLE]}
    return {200: answer(SharePage, "One page of links.", page)}


def share_create() -> Callable[[Any], Any]:
    """Describe POST `buckets/../files/../share/`."""
    made = {**SHARE_EXAMPLE, "url": f"{SERVICE}shares/{SHARE_IN_URL}/"}
    wanted = {"expires_in": 3600, "max_downloads": 10}
    return described(
        "share_create",
        "Shares",
        {201: answer(NewShareLinkSerializer, "The link.", made)},
        parameters=(BUCKET_IN_PATH, FILE_NAME_IN_PATH),
        request=body(ShareCreateSerializer, "Ten times within an hour", wanted, ANY_BODY),
        summary="Share a file by a link.",
        description="For its owner and staff. Whoever has `url` reads the file as it is now, without an account, until "
        "the link expires, is used up or revoked, or the file is replaced or deleted. It is shown this once.",
    )


def share_list_of_file() -> Callable[[Any], Any]:
    """Describe GET `buckets/../files/../share/`."""
    return described(
        "share_list_of_file",
        "Shares",
        _page(f"buckets/{BUCKET}/files/a.txt/share/"),
        parameters=(BUCKET_IN_PATH, FILE_NAME_IN_PATH, PageSerializer),
        examples=TOKENS_IN_QUERY,
        summary="List the links to a file, newest first.",
        description="Whoever made them; for the owner of the file and staff. The links themselves are not shown.",
    )


def share_list() -> Callable[[Any], Any]:
    """Describe GET `shares/`."""
    return described(
        "share_list",
        "Shares",
        _page("shares/"),
        parameters=(PageSerializer,),
        examples=TOKENS_IN_QUERY,
        summary="List the links that you made, newest first.",
        description="The links themselves are not shown. Those whose time is over disappear after a while.",
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
        description="Without an account. Sends on to a presigned URL that works for a few minutes, and counts; HEAD is "
        "answered alike and not counted. The browser saves the file, whatever it is. Links that expired, were revoked "
        "or used up, or whose file is no longer the same, are not found, like those that never were.",
    )


def share_revoke() -> Callable[[Any], Any]:
    """Describe DELETE `shares/../`."""
    return described(
        "share_revoke",
        "Shares",
        {204: OpenApiResponse(description="The link is refused from now on.")},
        parameters=(_in_path("The `id` of the link.", SHARE_ID),),
        summary="Revoke a share link.",
        description="For whoever made it, the owner of the file, and staff. URLs to which it has sent somebody on work "
        "to their own end, a few minutes at most.",
    )
