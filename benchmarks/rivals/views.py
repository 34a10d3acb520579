"""Typical first implementations, with one shared client and with token authentication."""

from collections.abc import Iterable
from io import BytesIO
from math import ceil
from typing import Any
from uuid import UUID, uuid4

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer
from rest_framework.views import APIView

from benchmarks.store import BUCKET, client_of

from .models import InsertedRow
from .storage import storage_make

client = client_of()
storage = storage_make()
URL_WORKS_SECONDS = 3600
PART_BYTES = 8 * 2**20
SMALL_CHUNK_BYTES = 8192


class NaiveUpload(APIView):
    """Read the whole file into memory, then pass it to boto3."""

    def post(self, request: Request) -> Response:
        """Return the size."""
        form: Any = request.data
        content = form["file"].read()
        client.upload_fileobj(BytesIO(content), form["bucket"], form["file_name"])
        return Response({"size": len(content)}, status=201)


class WholeUpload(APIView):
    """Read the whole file into memory, then send it by one PUT."""

    def post(self, request: Request) -> Response:
        """Return the size."""
        form: Any = request.data
        content = form["file"].read()
        client.put_object(Bucket=form["bucket"], Key=form["file_name"], Body=content)
        return Response({"size": len(content)}, status=201)


class StoragesUpload(APIView):
    """Save a FileField with django-storages."""

    def post(self, request: Request) -> Response:
        """Return the name under which it is stored."""
        form: Any = request.data
        return Response({"name": storage.save(form["file_name"], form["file"])}, status=201)


class SmallChunks(APIView):
    """Pass an object through in chunks of 8 KiB."""

    def get(self, request: Request, key: str) -> HttpResponseBase:
        """Return the content."""
        answer = client.get_object(Bucket=BUCKET, Key=key)
        chunks = answer["Body"].iter_chunks(SMALL_CHUNK_BYTES)
        return StreamingHttpResponse(chunks, headers=_length(answer["ContentLength"]))


class ReadWhole(APIView):
    """Read the whole object, then respond."""

    def get(self, request: Request, key: str) -> HttpResponseBase:
        """Return the content."""
        return HttpResponse(client.get_object(Bucket=BUCKET, Key=key)["Body"].read())


class Empty(APIView):
    """Authenticate, and do nothing."""

    def get(self, request: Request) -> Response:
        """Return a minimal body."""
        return Response({})


class Insert(APIView):
    """Authenticate, and insert one row."""

    def post(self, request: Request) -> Response:
        """Return the key."""
        return Response({"id": InsertedRow.of(request.user).pk}, status=201)


class PresignedPut(APIView):
    """Authenticate, insert one row, and sign the PUT with boto3."""

    def post(self, request: Request) -> Response:
        """Return the URL."""
        row = InsertedRow.of(request.user, **_pending(request), strategy="put")
        return Response({"id": row.pk, "url": _put_url(row)}, status=201)


class RowSerializer(ModelSerializer[InsertedRow]):
    """Request and response of an upload, as DRF derives them from the model."""

    class Meta:
        """The record of this app has this field, too."""

        model = InsertedRow
        fields = (
            *("id", "user_id", "bucket", "file_name", "original_name", "size", "content_type", "etag"),
            *("checksum_sha256", "status", "created_at", "completed_at"),
        )
        read_only_fields = (
            "file_name",
            "original_name",
            "etag",
            "checksum_sha256",
            "status",
            "created_at",
            "completed_at",
        )


class SerializedPut(APIView):
    """Do the same with a serializer, which validates the request and describes the record."""

    def post(self, request: Request) -> Response:
        """Return the record and the URL."""
        serializer = RowSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        row = InsertedRow.of(
            request.user, **{**serializer.validated_data, "status": "pending", "etag": "", "strategy": "put"}
        )
        return Response({**RowSerializer(row).data, "url": _put_url(row)}, status=201)


class PresignedMultipart(APIView):
    """Authenticate, start a multipart upload, insert one row, and sign every part with boto3."""

    def post(self, request: Request) -> Response:
        """Return the URLs."""
        key, serializer = f"{uuid4().hex}.bin", _pending(request)
        begun = client.create_multipart_upload(Bucket=BUCKET, Key=key, ContentType=serializer["content_type"])
        row = InsertedRow.of(request.user, file_name=key, multipart_upload_id=begun["UploadId"], **serializer)
        numbers = range(1, ceil(row.size / PART_BYTES) + 1)
        return Response({"id": row.pk, "parts": _parts(row, numbers)}, status=201)


class PresignedParts(APIView):
    """Authenticate, find the caller's row, and sign the parts with boto3."""

    def post(self, request: Request, pk: UUID) -> Response:
        """Return the URLs."""
        row = get_object_or_404(InsertedRow, pk=pk, user=request.user)
        body: Any = request.data
        return Response({"parts": _parts(row, body["part_numbers"])})


def _pending(request: Request) -> dict[str, Any]:
    """Return the same parameters that this service gets, without validation."""
    body: Any = request.data
    return {"status": "pending", "size": body["size"], "content_type": body["content_type"], "etag": ""}


def _put_url(row: InsertedRow) -> str:
    signed = {"Bucket": BUCKET, "Key": row.file_name, "ContentType": row.content_type, "ContentLength": row.size}
    return client.generate_presigned_url("put_object", Params=signed, ExpiresIn=URL_WORKS_SECONDS)


def _parts(row: InsertedRow, numbers: Iterable[int]) -> list[dict[str, Any]]:
    common = {"Bucket": BUCKET, "Key": row.file_name, "UploadId": row.multipart_upload_id}
    return [
        {
            "part_number": number,
            "url": client.generate_presigned_url(
                "upload_part", Params={**common, "PartNumber": number}, ExpiresIn=URL_WORKS_SECONDS
            ),
        }
        for number in numbers
    ]


def _length(count: int) -> dict[str, Any]:
    return {"Content-Type": "application/octet-stream", "Content-Length": str(count)}
