"""The records of uploads: list, show, remove; and direct uploads, from the first request to the last."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework import status
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from ... import services
from ...policy.users import resolve_owner
from ..pagination import UploadPages
from ..responses.part_urls import answer_part_urls
from ..serializers import (
    PartsWantedSerializer,
    StartedUploadSerializer,
    UploadProgressSerializer,
    UploadSerializer,
    UploadStartSerializer,
    UploadsWantedSerializer,
    UsageSerializer,
    UsageWantedSerializer,
    idempotency_key_of,
)
from .base import ServiceViewSet, answer_created, audited, get_caller, validated


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
        params = validated(UploadsWantedSerializer, request.query_params)
        page_size, user_id = params.pop("page_size"), params.pop("user_id", "")
        caller = get_caller(request)
        owner = resolve_owner(caller=caller, user_id=user_id) if user_id else None
        pages = UploadPages(page_size)
        page = pages.paginate_queryset(services.upload_list(user=caller, owner=owner, **params), request, view=self)
        return pages.get_paginated_response(UploadSerializer(page, many=True, context={"request": request}).data)

    def usage(self, request: Request) -> Response:
        """Show what somebody has in a bucket, and may have."""
        params = validated(UsageWantedSerializer, request.query_params)
        caller = get_caller(request)
        owner = resolve_owner(caller=caller, user_id=params.get("user_id"))
        found = services.usage_find(user=caller, owner=owner, bucket=params["bucket"])
        return Response(UsageSerializer(found).data)

    def create(self, request: Request) -> Response:
        """Begin a direct upload; the answer says what to send to S3."""
        params = validated(UploadStartSerializer, request.data)
        caller, key = get_caller(request), idempotency_key_of(request.headers)
        owner = resolve_owner(caller=caller, user_id=params.pop("user_id", ""))
        started = services.upload_start(user=caller, owner=owner, idempotency_key=key, **params)
        shown = StartedUploadSerializer(started, context={"request": request})
        return answer_created(shown, repeated=started.is_repeated)

    def retrieve(self, request: Request, upload_id: str) -> Response:
        """Show one record."""
        upload = services.upload_find(user=get_caller(request), upload_id=upload_id)
        return Response(UploadSerializer(upload, context={"request": request}).data)

    def destroy(self, request: Request, upload_id: str) -> Response:
        """Remove a file and its record."""
        services.upload_delete(user=get_caller(request), upload_id=upload_id)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def parts(self, request: Request, upload_id: str) -> Response:
        """Show which parts S3 holds, and which are missing."""
        progress = services.upload_parts(user=get_caller(request), upload_id=upload_id)
        return Response(UploadProgressSerializer(progress).data)

    def parts_sign(self, request: Request, upload_id: str) -> HttpResponseBase:
        """Sign URLs for parts."""
        params = validated(PartsWantedSerializer, request.data)
        signed = services.upload_parts_sign(user=get_caller(request), upload_id=upload_id, **params)
        return answer_part_urls(request, signed)

    def complete(self, request: Request, upload_id: str) -> Response:
        """Mark a direct upload stored, if S3 holds all of it."""
        upload = services.upload_complete(user=get_caller(request), upload_id=upload_id)
        return Response(UploadSerializer(upload, context={"request": request}).data)
