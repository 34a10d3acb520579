"""Share links: under the address of a file to make and list them, under their own to revoke and to follow them."""

from typing import Any, Literal

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from ... import services
from ..pagination import UploadPages
from ..serializers import NewShareLinkSerializer, PageSerializer, ShareCreateSerializer, ShareLinkSerializer
from .base import ServiceViewSet, audited, caller_of, validated
from .file_subresources import EndingViewSet
from .objects import ObjectViewSet
from .url_credentials import SecretAddressViewSet

FOLLOWED_BY = ("GET", "HEAD")


class FileShareViewSet(EndingViewSet):
    """The links of a file: POST makes one, GET lists them.

    A file whose name ends in `/share` has the same address. Nobody POSTs to a file, so only GET has to give way: what
    else is asked is about that file, and GET without the final slash too.
    """

    ending = "/share"
    own_actions = ("share", "shares")
    parser_classes = (JSONParser, FormParser, MultiPartParser)
    audit_actions = audited(share="share_create", shares="share_list", **ObjectViewSet.audit_actions)

    def share(self, request: Request, bucket_name: str, file_name: str) -> Response:
        """Make a link; it is shown this once."""
        wanted = validated(ShareCreateSerializer, request.data)
        made = services.share_create(
            user=caller_of(request),
            bucket=bucket_name,
            file_name=file_name,
            expires_in_seconds=wanted.get("expires_in"),
            max_downloads=wanted.get("max_downloads"),
        )
        shown = NewShareLinkSerializer(made, context={"request": request})
        return Response(shown.data, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})

    def shares(self, request: Request, bucket_name: str, file_name: str) -> Response:
        """List the links of the file, newest first."""
        links = services.share_list_of_file(user=caller_of(request), bucket=bucket_name, file_name=file_name)
        return _page(self, request, links)


class ShareListViewSet(ServiceViewSet):
    """The links that the caller made."""

    audit_actions = audited(list="share_list")

    def list(self, request: Request) -> Response:
        """List them, newest first."""
        return _page(self, request, services.share_list(user=caller_of(request)))


class ShareViewSet(SecretAddressViewSet):
    """One link: whoever has its secret follows it, whoever knows its id and may, revokes it."""

    audit_actions = audited(retrieve="share_follow", destroy="share_revoke", missing="share_missing")

    def get_authenticators(self) -> list[Any]:
        """Look at no credentials of those who follow a link: wrong ones must not keep them from it."""
        # Whoever describes the API has a view without a request.
        is_followed = self.action == "retrieve" if self.request is None else self.request.method in FOLLOWED_BY
        return [] if is_followed else super().get_authenticators()

    def get_permissions(self) -> list[BasePermission]:
        """Let everybody follow a link."""
        return [AllowAny()] if self.action in ("retrieve", "missing") else super().get_permissions()

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Send on whatever `Accept` says: the file has the type it has."""
        return super().perform_content_negotiation(request, force=force or self.action == "retrieve")

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        """Have no browser tell the link to where it leads, and no search engine keep it."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer["Referrer-Policy"] = "no-referrer"
        answer["X-Robots-Tag"] = "noindex"
        return answer

    def retrieve(self, request: Request, share: str) -> HttpResponseBase:
        """Send whoever has the link on to S3."""
        method: Literal["GET", "HEAD"] = "HEAD" if request.method == "HEAD" else "GET"
        signed = services.share_follow(secret=share, method=method)
        headers = {"Location": signed.url, "X-Content-Type-Options": "nosniff"}
        return HttpResponse(status=status.HTTP_302_FOUND, headers=headers)

    def destroy(self, request: Request, share: str) -> Response:
        """Revoke it."""
        services.share_revoke(user=caller_of(request), share_id=share)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def missing(self, request: Request, **_: Any) -> HttpResponse:
        """Answer like any other here: Django would write the secret into its log.

        Raises:
            NotFound: always.
        """
        raise NotFound("A link ends with its slash: take it as it was sent to you.")


def _page(view: ServiceViewSet, request: Request, links: Any) -> Response:
    pages = UploadPages(validated(PageSerializer, request.query_params)["page_size"])
    page = pages.paginate_queryset(links, request, view=view)
    return pages.get_paginated_response(ShareLinkSerializer(page, many=True).data)
