"""Make, list, follow and revoke share links."""

from typing import Any, Literal, cast

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
from ..serializers import (
    NewShareLinkSerializer,
    ShareCreateSerializer,
    ShareLinkSerializer,
    ShareListQuerySerializer,
)
from .base import ServiceViewSet, audited, get_caller, validated
from .url_credentials import SecretAddressViewSet

FOLLOWED_BY = ("GET", "HEAD")


class ShareListViewSet(ServiceViewSet):
    """Make links to files, and list them."""

    parser_classes = (JSONParser, FormParser, MultiPartParser)
    audit_actions = audited(create="share_create", list="share_list")

    def create(self, request: Request) -> Response:
        """Make a link; the response alone shows it."""
        options = validated(ShareCreateSerializer, request.data)
        link = services.share_create(
            user=get_caller(request), expires_in_seconds=options.pop("expires_in", None), **options
        )
        shown = NewShareLinkSerializer(link, context={"request": request})
        return Response(shown.data, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})

    def list(self, request: Request) -> Response:
        """List the links that the caller made, or all links to one file, newest first."""
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
        return [AllowAny()] if self.action in ("retrieve", "missing") else super().get_permissions()

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Redirect whatever `Accept` says: the file has its own type."""
        return super().perform_content_negotiation(request, force=force or self.action == "retrieve")

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        """Keep the link out of the `Referer` header of browsers, and out of search engines."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex"
        return cast(Response, response)

    def retrieve(self, request: Request, share: str) -> HttpResponseBase:
        """Redirect the client to S3."""
        method: Literal["GET", "HEAD"] = "HEAD" if request.method == "HEAD" else "GET"
        signed = services.share_follow(secret=share, method=method)
        headers = {"Location": signed.url, "X-Content-Type-Options": "nosniff"}
        return HttpResponse(status=status.HTTP_302_FOUND, headers=headers)

    def destroy(self, request: Request, share: str) -> Response:
        """Revoke a link."""
        services.share_revoke(user=get_caller(request), share_id=share)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def missing(self, request: Request, **_: Any) -> HttpResponse:
        """Answer instead of Django, which would log the secret.

        Raises:
            NotFound: always.
        """
        raise NotFound("A link ends with its slash: take it as it was sent to you.")
