"""Serve the option `signRequest` of @uppy/aws-s3 6: Uppy gets a signed URL for each request to S3.

    PUT a file, PUT a part                            signed for S3: the bytes go there
    POST, GET, DELETE: begin, list, complete, abort   signed for this server, which answers as S3 does

So every request that changes the record reaches this server, and the record stays true.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

import re
from typing import Any, cast
from uuid import uuid4
from xml.sax.saxutils import escape

from django.http import HttpResponse
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from ... import services
from ...conf import conf
from ...models import FileUpload
from ...values import PostTransfer, PutTransfer
from ..authentication import Ticket, TicketAuthentication
from ..serializers.headers import content_type_of
from ..serializers.responses import UploadSerializer
from ..serializers.uppy import UppySignedSerializer, UppySignSerializer
from .base import audited, get_caller, validated
from .uppy import UppyViewSet, choose_strategy, start_upload
from .url_credentials import SecretAddressViewSet

# A pattern instead of a parser: the rest of the XML of a client has no effect.
PART_NUMBER = re.compile(rb"<PartNumber>\s*([0-9]{1,5})\s*</PartNumber>")


class UppySignViewSet(UppyViewSet):
    """Signs what Uppy 6 is about to send."""

    audit_actions = audited(sign="uppy_sign")

    def sign(self, request: Request, **_: Any) -> Response:
        """Presign a request for the option `signRequest` of Uppy 6.

        The server signs a PUT for S3, and every other request for itself: it answers them as S3 does. A request
        without `uploadId` starts an upload: its `key` is the file name, and the response returns the object
        key.
        """
        params = validated(UppySignSerializer, request.data)
        match params:
            case {"partNumber": int(number)}:
                signed = _part(request, params, number)
            case {"uploadId": str(upload_id)}:
                upload = services.own_upload_find(user=get_caller(request), upload_id=upload_id, key=params["key"])
                signed = {"url": _ticket_url(request, params["method"], upload.pk)}
            case {"method": "PUT"}:
                signed = _file(request, params)
            case _:
                signed = _beginning(request, params)
        return Response(UppySignedSerializer(signed).data)


def _part(request: Request, params: dict[str, Any], number: int) -> dict[str, Any]:
    signed = services.upload_parts_sign(
        user=get_caller(request), upload_id=params["uploadId"], key=params["key"], part_numbers=[number]
    )
    return {"url": signed.parts[0].url}


def _file(request: Request, params: dict[str, Any]) -> dict[str, Any]:
    name = params["key"]
    file = {"file_name": name, "content_type": content_type_of(params.get("contentType"), name)}
    started = start_upload(request, choose_strategy("put", "post"), file)
    transfer = cast(PutTransfer | PostTransfer, started.transfer)
    how = {"headers": transfer.headers} if isinstance(transfer, PutTransfer) else {"fields": transfer.fields}
    return {"url": transfer.url, "key": started.upload.file_name, **how}


def _beginning(request: Request, params: dict[str, Any]) -> dict[str, Any]:
    """Return the key of an upload that starts with the ticket: Uppy sends the type only then."""
    upload_id, name = uuid4(), params["key"]
    key = services.upload_key(owner=get_caller(request), bucket=conf.uppy_bucket, upload_id=upload_id, file_name=name)
    return {"url": _ticket_url(request, "POST", upload_id, name), "key": key}


def _ticket_url(request: Request, method: str, upload_id: Any, file_name: str = "") -> str:
    ticket = Ticket(str(get_caller(request).pk), method, str(upload_id), file_name)
    address: str = reverse("s3_service-uppy-signed", kwargs={"ticket": ticket.text()}, request=request)
    return address


class UppySignedViewSet(SecretAddressViewSet):
    """The four requests for which tickets are signed, and answers as S3 gives them."""

    authentication_classes = (TicketAuthentication,)
    audit_actions = audited(
        begin_or_complete="upload_start", parts="upload_parts", abort="upload_abort", missing="uppy_missing"
    )

    def begin_or_complete(self, request: Request, ticket: str) -> HttpResponse:
        """Begin the upload that the ticket names, or complete it."""
        return self._begin(request) if _ticket(request).file_name else self._complete(request)

    def _begin(self, request: Request) -> HttpResponse:
        ticket = _ticket(request)
        content_type = content_type_of(request.content_type, ticket.file_name)
        started = start_upload(
            request,
            "multipart",
            {"file_name": ticket.file_name, "content_type": content_type},
            upload_id=ticket.id,
            idempotency_key=f"uppy-{ticket.id}",  # Uppy retries if a response is lost.
        )
        return _xml("InitiateMultipartUploadResult", _place(started.upload), UploadId=started.upload.pk)

    def _complete(self, request: Request) -> HttpResponse:
        numbers = {int(number) for number in PART_NUMBER.findall(request.body)}
        upload = services.upload_complete(user=get_caller(request), upload_id=_ticket(request).id, part_numbers=numbers)
        record = UploadSerializer(upload, context={"request": request}).data
        return _xml("CompleteMultipartUploadResult", _place(upload), Location=record["url"], ETag=upload.etag)

    def parts(self, request: Request, ticket: str) -> HttpResponse:
        """List the parts that S3 holds, all of them in one answer, since Uppy reads no second page."""
        progress = services.upload_parts(user=get_caller(request), upload_id=_ticket(request).id)
        parts = [_elements(PartNumber=part.part_number, ETag=part.etag, Size=part.size) for part in progress.parts]
        listed = "".join(f"<Part>{part}</Part>" for part in parts)
        return _xml("ListPartsResult", listed, IsTruncated="false")

    def abort(self, request: Request, ticket: str) -> HttpResponse:
        """Give the upload up."""
        services.upload_abort(user=get_caller(request), upload_id=_ticket(request).id)
        return HttpResponse(status=204)

    def missing(self, request: Request, **_: Any) -> HttpResponse:
        """Answer instead of Django, which would log the ticket.

        Raises:
            NotFound: always.
        """
        raise NotFound("Nothing is signed for this address: take it as it was given, with nothing behind it.")


def _ticket(request: Request) -> Ticket:
    return cast(Ticket, request.auth)


def _place(upload: FileUpload) -> str:
    return _elements(Bucket=upload.bucket, Key=upload.file_name)


def _elements(**values: object) -> str:
    return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in values.items())


def _xml(name: str, inner: str, **values: object) -> HttpResponse:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}>{inner}{_elements(**values)}</{name}>'
    return HttpResponse(text, content_type="application/xml")
