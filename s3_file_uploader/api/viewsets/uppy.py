"""Serve @uppy/aws-s3 by the protocol of Companion.

https://uppy.io/docs/aws-s3/
The `uploadId` for Uppy is the id of the record; the upload id of S3 stays on the server.
"""

from typing import Any, cast

from rest_framework.exceptions import NotFound
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from ... import services
from ...conf import conf
from ...exceptions import InvalidField
from ...values import MAX_PARTS, PostTransfer, PutTransfer
from ..serializers.numbers import whole_number
from ..serializers.responses import UploadSerializer
from ..serializers.uppy import (
    UppyCompletedSerializer,
    UppyCompleteSerializer,
    UppyFileSerializer,
    UppyFormSerializer,
    UppyMultipartSerializer,
    UppyPartSerializer,
    UppyPartsSerializer,
    UppyStoredPartSerializer,
)
from .base import audited, get_caller, validated
from .same_origin import SameOriginViewSet
from .url_credentials import SecretAddressViewSet


class UppyViewSet(SecretAddressViewSet, SameOriginViewSet):
    """Direct uploads as Uppy knows them."""

    parser_classes = (JSONParser,)
    writing_gets = ("params", "sign_part", "sign_parts")  # Signing parts gives the upload more time.
    audit_actions = audited(
        params="upload_start",
        create="upload_start",
        sign_part="upload_parts_sign",
        sign_parts="upload_parts_sign",
        parts="upload_parts",
        complete="upload_complete",
        abort="upload_abort",
        arrived="upload_complete",
        missing="uppy_missing",
    )

    def params(self, request: Request, **_: Any) -> Response:
        """Start an upload in one request.

        Each call starts an upload with a record of its own.
        """
        query = request.query_params
        params = {"metadata": {"bucket": query.get("metadata[bucket]")}, **query.dict()}
        started = start_upload(request, choose_strategy("post", "put"), validated(UppyFileSerializer, params))
        return Response(UppyFormSerializer(_build_form(started)).data)

    def create(self, request: Request, **_: Any) -> Response:
        """Start an upload in parts.

        Uppy uploads large files in parts. `uploadId` is the id of the record.
        """
        started = start_upload(request, "multipart", validated(UppyFileSerializer, request.data))
        return Response(UppyMultipartSerializer(started.upload).data)

    def sign_part(self, request: Request, upload_id: str, part_number: str, **_: Any) -> Response:
        """Presign the URL of a part.

        Each call also keeps the upload from expiring.
        """
        number = _parse_number(part_number)
        urls = self._part_urls(request, upload_id, [number])
        return Response(UppyPartSerializer({"url": urls[number], "expires": _count_url_seconds()}).data)

    def sign_parts(self, request: Request, upload_id: str, **_: Any) -> Response:
        """Presign the URLs of several parts.

        Each call also keeps the upload from expiring.
        """
        numbers = _parse_numbers(request.query_params.get("partNumbers", ""))
        return Response(UppyPartsSerializer({"presignedUrls": self._part_urls(request, upload_id, numbers)}).data)

    def _part_urls(self, request: Request, upload_id: str, numbers: list[int]) -> dict[int, str]:
        signed = services.upload_parts_sign(
            user=get_caller(request), upload_id=upload_id, key=_read_key(request), part_numbers=numbers
        )
        return {part.part_number: part.url for part in signed.parts}

    def parts(self, request: Request, upload_id: str, **_: Any) -> Response:
        """Show which parts S3 holds.

        The response lists every part, on one page.
        """
        progress = services.upload_parts(user=get_caller(request), upload_id=upload_id, key=_read_key(request))
        return Response(UppyStoredPartSerializer(progress.parts, many=True).data)

    def complete(self, request: Request, upload_id: str, **_: Any) -> Response:
        """Complete an upload in parts.

        The server asks S3 which parts it holds. S3 must hold every part that the request names.
        """
        params = validated(UppyCompleteSerializer, request.data)
        upload = services.upload_complete(
            user=get_caller(request),
            upload_id=upload_id,
            key=_read_key(request),
            part_numbers={part["PartNumber"] for part in params["parts"]},
        )
        record = UploadSerializer(upload, context={"request": request}).data
        completed = {"location": record["url"], "key": upload.file_name, "bucket": upload.bucket}
        return Response(UppyCompletedSerializer(completed).data)

    def abort(self, request: Request, upload_id: str, **_: Any) -> Response:
        """Abort an upload in parts.

        A file that is stored already stays.
        """
        services.upload_abort(user=get_caller(request), upload_id=upload_id, key=_read_key(request))
        return Response({})  # Major 5 reads it.

    def arrived(self, request: Request, **_: Any) -> Response:
        """Complete an upload in one request.

        Call this from your page on `upload-success`, because Uppy does not report the end of such an upload.
        `key` is the object key from the response that started it. You can repeat this request: the response
        stays the same.
        """
        key = _read_key(request)
        upload = services.upload_complete(user=get_caller(request), upload_id=services.upload_id_in(key), key=key)
        return Response(UploadSerializer(upload, context={"request": request}).data)

    def missing(self, request: Request, **_: Any) -> Response:
        """Answer instead of Django, which would log the token in a mistyped address.

        Raises:
            NotFound: always.
        """
        raise NotFound("Uppy asks for nothing here: give it the endpoint as it is, with no slash at its end.")


def start_upload(request: Request, strategy: str, params: dict[str, Any], **options: Any) -> services.StartedUpload:
    """Start a direct upload of the caller, without an announced size."""
    caller = get_caller(request)
    return services.upload_start(
        user=caller,
        owner=caller,
        bucket=params.get("bucket") or conf.uppy_bucket,
        file_name=params["file_name"],
        content_type=params["content_type"],
        strategy=strategy,
        **options,
    )


def choose_strategy(*preferred: str) -> str:
    """Return the first strategy that the store supports."""
    return next((strategy for strategy in preferred if strategy in conf.direct_strategies), preferred[0])


def _build_form(started: services.StartedUpload) -> dict[str, Any]:
    expires, transfer = _count_url_seconds(), cast(PutTransfer | PostTransfer, started.transfer)
    if isinstance(transfer, PutTransfer):
        key = {"key": started.upload.file_name}  # Uppy passes it to the page.
        return {"method": "PUT", "url": transfer.url, "fields": key, "headers": transfer.headers, "expires": expires}
    # Majors 6.0 to 6.2 append the key to the address.
    return {"method": "POST", "url": f"{transfer.url.rstrip('/')}/", "fields": transfer.fields, "expires": expires}


def _read_key(request: Request) -> str:
    return str(request.query_params.get("key", ""))


def _parse_number(text: str) -> int:
    try:
        return whole_number(text)
    except ValueError as error:
        raise InvalidField("part_numbers", f"Give numbers from 1 to {MAX_PARTS}.") from error


def _parse_numbers(text: str) -> list[int]:
    try:
        return [whole_number(number) for number in text.split(",")]
    except ValueError as error:
        raise InvalidField("partNumbers", "Give numbers of parts, with a comma between.") from error


def _count_url_seconds() -> int:
    return conf.direct_url_expiration_seconds
