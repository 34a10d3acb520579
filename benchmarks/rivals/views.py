"""What most projects write first, with the client made once and with the caller's token asked for."""

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
    """Read the file whole, then hand it to boto3."""

    def post(self, request: Request) -> Response:
        """Answer its size."""
        form: Any = request.data
        content = form["file"].read()
        client.upload_fileobj(BytesIO(content), form["bucket"], form["file_name"])
        return Response({"size": len(content)}, status=201)


class StoragesUpload(APIView):
    """What django-storages does for a FileField."""

    def post(self, request: Request) -> Response:
        """Answer the name under which it lies."""
        form: Any = request.data
        return Response({"name": storage.save(form["file_name"], form["file"])}, status=201)


class SmallChunks(APIView):
    """Pass an object through in chunks of 8 KiB."""

    def get(self, request: Request, key: str) -> HttpResponseBase:
        """Answer the bytes."""
        answer = client.get_object(Bucket=BUCKET, Key=key)
        chunks = answer["Body"].iter_chunks(SMALL_CHUNK_BYTES)
        return StreamingHttpResponse(chunks, headers=_length(answer["ContentLength"]))


class ReadWhole(APIView):
    """Read an object whole, then answer."""

    def get(self, request: Request, key: str) -> HttpResponseBase:
        """Answer the bytes."""
        return HttpResponse(client.get_object(Bucket=BUCKET, Key=key)["Body"].read())


class Empty(APIView):
    """Ask for the token, and do nothing."""

    def get(self, request: Request) -> Response:
        """Answer next to nothing."""
        return Response({})


class Insert(APIView):
    """Ask for the token, and insert one row."""

    def post(self, request: Request) -> Response:
        """Answer its key."""
        return Response({"id": InsertedRow.of(request.user).pk}, status=201)


class PresignedPut(APIView):
    """Ask for the token, insert one row, and have boto3 sign the PUT."""

    def post(self, request: Request) -> Response:
        """Answer the URL."""
        row = InsertedRow.of(request.user, **_pending(request), strategy="put")
        return Response({"id": row.pk, "url": _put_url(row)}, status=201)


class RowSerializer(ModelSerializer[InsertedRow]):
    """What comes in and what goes out, as DRF reads it off the model."""

    class Meta:
        """What our record shows too."""

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
    """The same with a serializer, so that what makes no sense is refused and the record is shown."""

    def post(self, request: Request) -> Response:
        """Answer the record and the URL."""
        told = RowSerializer(data=request.data)
        told.is_valid(raise_exception=True)
        row = InsertedRow.of(
            request.user, **{**told.validated_data, "status": "pending", "etag": "", "strategy": "put"}
        )
        return Response({**RowSerializer(row).data, "url": _put_url(row)}, status=201)


class PresignedMultipart(APIView):
    """Ask for the token, begin a multipart upload, insert one row, and have boto3 sign every part."""

    def post(self, request: Request) -> Response:
        """Answer the URLs."""
        key, told = f"{uuid4().hex}.bin", _pending(request)
        begun = client.create_multipart_upload(Bucket=BUCKET, Key=key, ContentType=told["content_type"])
        row = InsertedRow.of(request.user, file_name=key, multipart_upload_id=begun["UploadId"], **told)
        numbers = range(1, ceil(row.size / PART_BYTES) + 1)
        return Response({"id": row.pk, "parts": _parts(row, numbers)}, status=201)


class PresignedParts(APIView):
    """Ask for the token, look for the caller's row, and have boto3 sign the parts."""

    def post(self, request: Request, pk: UUID) -> Response:
        """Answer the URLs."""
        row = get_object_or_404(InsertedRow, pk=pk, user=request.user)
        body: Any = request.data
        return Response({"parts": _parts(row, body["part_numbers"])})


def _pending(request: Request) -> dict[str, Any]:
    """Return what our service is told too; nobody looks whether it makes sense."""
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
