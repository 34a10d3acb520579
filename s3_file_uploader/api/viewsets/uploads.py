"""The records of uploads: list, show, remove; and direct uploads, from the first request to the last."""

from typing import Any

from rest_framework import status
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from ... import services
from ...policy.users import user_acted_for
from ..pagination import UploadPages
from ..serializers import (
    PartsWantedSerializer,
    SignedPartsSerializer,
    StartedUploadSerializer,
    UploadProgressSerializer,
    UploadSerializer,
    UploadStartSerializer,
    UploadsWantedSerializer,
    UsageSerializer,
    UsageWantedSerializer,
    idempotency_key_of,
)
from .base import ServiceViewSet, audited, caller_of, created_answer, validated


class UploadViewSet(ServiceViewSet):
    """The caller's records; staff see everybody's."""

    parser_classes: Any = (JSONParser, FormParser, MultiPartParser)
    audit_actions = audited(
        list="upload_list",
        usage="usage_get",
        create="upload_start",
        retrieve="upload_get",
        destroy="file_delete",
        parts="upload_parts",
        parts_sign="upload_parts_sign",
        complete="upload_complete",
    )

    def list(self, request: Request) -> Response:
        """List records, newest first."""
        wanted = validated(UploadsWantedSerializer, request.query_params)
        page_size, user_id = wanted.pop("page_size"), wanted.pop("user_id", "")
        caller = caller_of(request)
        owner = user_acted_for(caller=caller, user_id=user_id) if user_id else None
        pages = UploadPages(page_size)
        page = pages.paginate_queryset(services.upload_list(user=caller, owner=owner, **wanted), request, view=self)
        return pages.get_paginated_response(UploadSerializer(page, many=True, context={"request": request}).data)

    def usage(self, request: Request) -> Response:
        """Show what somebody has in a bucket, and may have."""
        wanted = validated(UsageWantedSerializer, request.query_params)
        caller = caller_of(request)
        owner = user_acted_for(caller=caller, user_id=wanted.get("user_id"))
        found = services.usage_find(user=caller, owner=owner, bucket=wanted["bucket"])
        return Response(UsageSerializer(found).data)

    def create(self, request: Request) -> Response:
        """Begin a direct upload; the answer says what to send to S3."""
        wanted = validated(UploadStartSerializer, request.data)
        caller, key = caller_of(request), idempotency_key_of(request.headers)
        owner = user_acted_for(caller=caller, user_id=wanted.pop("user_id", ""))
        started = services.upload_start(user=caller, owner=owner, idempotency_key=key, **wanted)
        shown = StartedUploadSerializer(started, context={"request": request})
        return created_answer(shown, repeated=started.is_repeated)

    def retrieve(self, request: Request, upload_id: str) -> Response:
        """Show one record."""
        upload = services.upload_find(user=caller_of(request), upload_id=upload_id)
        return Response(UploadSerializer(upload, context={"request": request}).data)

    def destroy(self, request: Request, upload_id: str) -> Response:
        """Remove a file and its record."""
        services.upload_delete(user=caller_of(request), upload_id=upload_id)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def parts(self, request: Request, upload_id: str) -> Response:
        """Show which parts S3 holds, and which are missing."""
        progress = services.upload_parts(user=caller_of(request), upload_id=upload_id)
        return Response(UploadProgressSerializer(progress).data)

    def parts_sign(self, request: Request, upload_id: str) -> Response:
        """Sign URLs for parts."""
        wanted = validated(PartsWantedSerializer, request.data)
        signed = services.upload_parts_sign(user=caller_of(request), upload_id=upload_id, **wanted)
        return Response(SignedPartsSerializer(signed).data)

    def complete(self, request: Request, upload_id: str) -> Response:
        """Mark a direct upload stored, if S3 holds all of it."""
        upload = services.upload_complete(user=caller_of(request), upload_id=upload_id)
        return Response(UploadSerializer(upload, context={"request": request}).data)
