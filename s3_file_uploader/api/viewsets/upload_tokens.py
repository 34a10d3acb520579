"""Upload tokens: made, listed and revoked by the user whom they stand for."""

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from ... import services
from ..pagination import UploadPages
from ..serializers.requests import PageSerializer
from ..serializers.uppy import NewUploadTokenSerializer, UploadTokenCreateSerializer, UploadTokenSerializer
from .base import audited, get_caller, validated
from .same_origin import SameOriginViewSet


class UploadTokenViewSet(SameOriginViewSet):
    """The caller's own."""

    audit_actions = audited(create="token_create", list="token_list", destroy="token_revoke")

    def create(self, request: Request) -> Response:
        """Create an upload token.

        The token acts for you at the endpoints for Uppy only, until it expires or is revoked. The server shows
        it only in this response. Give `endpoint` to Uppy.
        """
        params = validated(UploadTokenCreateSerializer, request.data)
        token = services.upload_token_create(user=get_caller(request), expires_in_seconds=params["expires_in"])
        made = NewUploadTokenSerializer(token, context={"request": request})
        return Response(made.data, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})

    def list(self, request: Request) -> Response:
        """List your upload tokens, newest first.

        The list does not show their secrets. Expired tokens leave the list after a while.
        """
        pages = UploadPages(validated(PageSerializer, request.query_params)["page_size"])
        tokens = services.upload_token_list(user=get_caller(request))
        page = pages.paginate_queryset(tokens, request, view=self)
        return pages.get_paginated_response(UploadTokenSerializer(page, many=True).data)

    def destroy(self, request: Request, token_id: str) -> Response:
        """Revoke an upload token.

        URLs that were signed for it work until they expire.
        """
        services.upload_token_revoke(user=get_caller(request), token_id=token_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
