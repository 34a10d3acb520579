"""Share links, in words and examples."""

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from ..serializers import NewShareLinkSerializer, PageSerializer, ShareCreateSerializer
from .components import SHARE_PAGE
from .examples import SHARE_ID, SHARE_IN_URL
from .parameters import LOCATION, parameter
from .schema import operation

PAGE = {200: SHARE_PAGE}


def _in_path(words: str, example: str) -> OpenApiParameter:
    return parameter("path", "share", words, example)


share_create = operation(
    "share_create",
    {201: NewShareLinkSerializer},
    request=ShareCreateSerializer,
    summary="Share a file by a link.",
    description="For its owner and staff. Whoever has `url` reads the file as it is now, without an account, until "
    "the link expires, is used up or revoked, or the file is replaced or deleted. It is shown this once.",
)
share_list_of_file = operation(
    "share_list_of_file",
    PAGE,
    parameters=(PageSerializer,),
    summary="List the links to a file, newest first.",
    description="Whoever made them; for the owner of the file and staff. The links themselves are not shown.",
)
share_list = operation(
    "share_list",
    PAGE,
    parameters=(PageSerializer,),
    summary="List the links that you made, newest first.",
    description="The links themselves are not shown. Those whose time is over disappear after a while.",
)
share_follow = operation(
    "share_follow",
    {302: OpenApiResponse(description="The bytes are at `Location`.")},
    parameters=(_in_path("The secret of the link.", SHARE_IN_URL), LOCATION),
    auth=[],
    summary="Read a shared file.",
    description="Without an account. Sends on to a presigned URL that works for a few minutes, and counts; HEAD is "
    "answered alike and not counted. The browser saves the file, whatever it is. Links that expired, were revoked "
    "or used up, or whose file is no longer the same, are not found, like those that never were.",
)
share_revoke = operation(
    "share_revoke",
    {204: None},
    parameters=(_in_path("The `id` of the link.", SHARE_ID),),
    summary="Revoke a share link.",
    description="For whoever made it, the owner of the file, and staff. URLs to which it has sent somebody on work "
    "to their own end, a few minutes at most.",
)
