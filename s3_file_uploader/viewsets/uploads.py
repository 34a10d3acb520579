"""The records of uploads: list, show, remove."""

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from .. import services
from ..pagination import UploadPages
from ..serializers import UploadSerializer, UploadsWantedSerializer
from ..users import user_acted_for
from .base import ServiceViewSet, caller_of, validated


class UploadViewSet(ServiceViewSet):
    """The caller's records; staff see everybody's."""

    def list(self, request: Request) -> Response:
        """List records, newest first."""
        wanted = validated(UploadsWantedSerializer, request.query_params)
        page_size, user_id = wanted.pop("page_size"), wanted.pop("user_id", "")
        caller = caller_of(request)
        owner = user_acted_for(caller=caller, user_id=user_id) if user_id else None
        pages = UploadPages(page_size)
        page = pages.paginate_queryset(services.upload_list(user=caller, owner=owner, **wanted), request, view=self)
        return pages.get_paginated_response(UploadSerializer(page, many=True, context={"request": request}).data)

    def retrieve(self, request: Request, upload_id: str) -> Response:
        """Show one record."""
        upload = services.upload_find(user=caller_of(request), upload_id=upload_id)
        return Response(UploadSerializer(upload, context={"request": request}).data)

    def destroy(self, request: Request, upload_id: str) -> Response:
        """Remove a file and its record."""
        services.upload_delete(user=caller_of(request), upload_id=upload_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
