"""What most projects write first, with the client made once and with the caller's token asked for."""

import os
from io import BytesIO
from typing import Any

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from storages.backends.s3 import S3Storage  # type: ignore[import-untyped]

from benchmarks.store import BUCKET, CONFIG, client_of

from .models import InsertedRow

client = client_of()
storage = S3Storage(
    bucket_name=BUCKET,
    access_key=os.environ["AWS_ACCESS_KEY_ID"],
    secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    region_name=os.environ["AWS_STORAGE_REGION"],
    endpoint_url=os.environ["AWS_S3_ENDPOINT_URL"],
    client_config=CONFIG,
    file_overwrite=True,
)
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


def _length(count: int) -> dict[str, Any]:
    return {"Content-Type": "application/octet-stream", "Content-Length": str(count)}
