"""Make, list, follow and revoke share links."""

from typing import Any, Literal, cast

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from ... import services
from ..pagination import UploadPages
from ..responses.refusal_page import build_refusal_page, is_for_people
from ..serializers.shares import (
    NewShareLinkSerializer,
    ShareCreateSerializer,
    ShareLinkSerializer,
    ShareListQuerySerializer,
)
from .base import ServiceViewSet, audited, get_caller, validated
from .url_credentials import SecretAddressViewSet

FOLLOWED_BY = ("GET", "HEAD")
FOLLOWED = ("retrieve", "missing")


class ShareListViewSet(ServiceViewSet):
    """Make links to files, and list them."""

    audit_actions = audited(create="share_create", list="share_list")

    def create(self, request: Request) -> Response:
        """Share a file by a link.

        The owner of the file and staff can share it. Everyone who has `url` can read the file as it is now, without
        an account, until the link expires, is used up or is revoked, or until the file is replaced or deleted. The
        server shows `url` only in this response.
        """
        options = validated(ShareCreateSerializer, request.data)
        link = services.share_create(
            user=get_caller(request), expires_in_seconds=options.pop("expires_in", None), **options
        )
        shown = NewShareLinkSerializer(link, context={"request": request})
        return Response(shown.data, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})

    def list(self, request: Request) -> Response:
        """List your share links, or all links to a file, newest first.

        With `bucket` and `file_name`, the owner of the file and staff see all links to it. The list does not show
        `url`. Expired links leave the list after a while.
        """
        params = validated(ShareListQuerySerializer, request.query_params)
        pages = UploadPages(params.pop("page_size"))
        page = pages.paginate_queryset(services.share_list(user=get_caller(request), **params), request, view=self)
        return pages.get_paginated_response(ShareLinkSerializer(page, many=True).data)


class ShareViewSet(SecretAddressViewSet):
    """Follow a link by its secret, or revoke it by its id."""

    audit_actions = audited(retrieve="share_follow", destroy="share_revoke", missing="share_missing")

    def get_authenticators(self) -> list[Any]:
        """Ignore credentials when a link is followed: invalid ones must not refuse it."""
        # A schema generator has a view without a request.
        is_followed = self.action == "retrieve" if self.request is None else self.request.method in FOLLOWED_BY
        return [] if is_followed else super().get_authenticators()

    def get_permissions(self) -> list[BasePermission]:
        """Let clients follow a link without an account."""
        return [AllowAny()] if self.action in FOLLOWED else super().get_permissions()

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Redirect whatever `Accept` says: the file has its own type."""
        return super().perform_content_negotiation(request, force=force or self.action == "retrieve")

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        """Keep the link out of the `Referer` header of browsers, and out of search engines. Show people a page."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if self.action in FOLLOWED and response.status_code >= status.HTTP_400_BAD_REQUEST and is_for_people(request):
            response = build_refusal_page(response)
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex"
        return cast(Response, response)

    def retrieve(self, request: Request, share: str) -> HttpResponseBase:
        """Read a shared file.

        This needs no account. The server redirects to a presigned URL that works for a few minutes, and counts the
        download; HEAD redirects without counting. Browsers save the file, whatever its type. The response is 404 if
        the link is expired, revoked or used up, or if the file has changed since.
        """
        method: Literal["GET", "HEAD"] = "HEAD" if request.method == "HEAD" else "GET"
        signed = services.share_follow(secret=share, method=method)
        headers = {"Location": signed.url, "X-Content-Type-Options": "nosniff"}
        return HttpResponse(status=status.HTTP_302_FOUND, headers=headers)

    def destroy(self, request: Request, share: str) -> Response:
        """Revoke a share link.

        The user who made the link, the owner of the file and staff can revoke it. URLs to which the link has
        redirected clients work until they expire, a few minutes at most.
        """
        services.share_revoke(user=get_caller(request), share_id=share)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def missing(self, request: Request, **_: Any) -> HttpResponse:
        """Answer instead of Django, which would log the secret.

        Raises:
            NotFound: always.
        """
        raise NotFound("A link ends with its slash: take it as it was sent to you.")
