"""The records of uploads: list, show, remove; and direct uploads, from the first request to the last."""

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from ... import services
from ...policy.users import resolve_owner
from ..pagination import UploadPages
from ..serializers.direct_uploads import (
    PartNumbersSerializer,
    SignedPartsSerializer,
    StartedUploadSerializer,
    UploadProgressSerializer,
    UploadStartSerializer,
)
from ..serializers.headers import idempotency_key_of
from ..serializers.requests import FolderQuerySerializer, UploadListQuerySerializer, UsageQuerySerializer
from ..serializers.responses import FolderSerializer, UploadSerializer, UsageSerializer
from .base import ServiceViewSet, answer_created, audited, get_caller, validated


class UploadViewSet(ServiceViewSet):
    """The caller's records; staff see everybody's."""

    audit_actions = audited(
        list="upload_list",
        folder="folder_list",
        usage="usage_get",
        create="upload_start",
        retrieve="upload_get",
        destroy="file_delete",
        parts="upload_parts",
        parts_sign="upload_parts_sign",
        complete="upload_complete",
    )

    def list(self, request: Request) -> Response:
        """List the records of uploads, newest first.

        You see your own records. Staff see all records, or those of `user_id`. A record must match every
        filter. Follow `next` until it is null.
        """
        params = validated(UploadListQuerySerializer, request.query_params)
        page_size, user_id = params.pop("page_size"), params.pop("user_id", "")
        caller = get_caller(request)
        owner = resolve_owner(caller=caller, user_id=user_id) if user_id else None
        pages = UploadPages(page_size)
        page = pages.paginate_queryset(services.upload_list(user=caller, owner=owner, **params), request, view=self)
        return pages.get_paginated_response(UploadSerializer(page, many=True, context={"request": request}).data)

    def folder(self, request: Request) -> Response:
        """List the files of a folder.

        Folders come from the paths of the records: for an upload through the server the object key, for a
        direct upload the key without its id. Files and folders are in the order of the bytes of their paths.
        You see your own files. Staff see all files, or those of `user_id`. Unfinished uploads are left out.
        Follow `next` until it is null.
        """
        params = validated(FolderQuerySerializer, request.query_params)
        caller, user_id = get_caller(request), params.pop("user_id", "")
        owner = resolve_owner(caller=caller, user_id=user_id) if user_id else None
        listing = services.folder_list(user=caller, owner=owner, **params)
        return Response(FolderSerializer(listing, context={"request": request}).data)

    def usage(self, request: Request) -> Response:
        """Show your usage of a bucket, and its limits.

        Stored files count with their size. Unfinished uploads count with their announced size, or with the
        bytes that have arrived. Call this before a user chooses a file.
        """
        params = validated(UsageQuerySerializer, request.query_params)
        caller = get_caller(request)
        owner = resolve_owner(caller=caller, user_id=params.get("user_id"))
        usage = services.usage_find(user=caller, owner=owner, bucket=params["bucket"])
        return Response(UsageSerializer(usage).data)

    def create(self, request: Request) -> Response:
        """Start a direct upload to S3.

        Send the file as `transfer` says, then complete the upload. The signature covers size and type: S3
        rejects other files. The upload gets an object key of its own.

        If you repeat a request with the same `Idempotency-Key`, the server returns the same record with fresh
        URLs.
        """
        params = validated(UploadStartSerializer, request.data)
        caller, key = get_caller(request), idempotency_key_of(request.headers)
        owner = resolve_owner(caller=caller, user_id=params.pop("user_id", ""))
        started = services.upload_start(user=caller, owner=owner, idempotency_key=key, **params)
        shown = StartedUploadSerializer(started, context={"request": request})
        return answer_created(shown, repeated=started.is_repeated)

    def retrieve(self, request: Request, upload_id: str) -> Response:
        """Show the record of an upload.

        It is `pending` while bytes arrive, `stored` when S3 holds every byte, and `deleting` while the server
        removes them. With scanners, it is `quarantined` until they have scanned the file, and `rejected` if
        they found something. Only staff can see records of other users.
        """
        upload = services.upload_find(user=get_caller(request), upload_id=upload_id)
        return Response(UploadSerializer(upload, context={"request": request}).data)

    def destroy(self, request: Request, upload_id: str) -> Response:
        """Remove a file and its record, by the id of the record.

        This works for every status: it aborts a direct upload that is pending, and it removes what an
        interrupted upload left behind.
        """
        services.upload_delete(user=get_caller(request), upload_id=upload_id)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def parts(self, request: Request, upload_id: str) -> Response:
        """Show which parts S3 holds, and which are missing.

        The server asks S3 for the parts. Use this to resume an upload or to draw a progress bar.
        """
        progress = services.upload_parts(user=get_caller(request), upload_id=upload_id)
        return Response(UploadProgressSerializer(progress).data)

    def parts_sign(self, request: Request, upload_id: str) -> Response:
        """Presign URLs for parts.

        Give `part_numbers`, or `first` and `last`, or `missing=true`. PUT to each URL `size` bytes of the file
        from `offset` on, without additional headers. You can send parts in any order, in parallel, and again.
        Each request for URLs also keeps the upload from expiring.
        """
        params = validated(PartNumbersSerializer, request.data)
        signed = services.upload_parts_sign(user=get_caller(request), upload_id=upload_id, **params)
        return Response(SignedPartsSerializer(signed).data)

    def complete(self, request: Request, upload_id: str) -> Response:
        """Complete a direct upload.

        The server asks S3 for what has arrived, so the client sends no ETags. It stores the file only if the
        file is whole, and if its size, type and checksum are the announced ones. You can repeat this request:
        the response stays the same.
        """
        upload = services.upload_complete(user=get_caller(request), upload_id=upload_id)
        return Response(UploadSerializer(upload, context={"request": request}).data)
