"""A file under an address of its own: the raw body to store it, the bytes to read it; and the objects of a bucket."""

from datetime import datetime
from functools import partial
from typing import Any, Literal, cast

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from ... import services
from ...models import FileUpload
from ..responses.file_response import answer_file, answer_unchanged
from ..serializers.requests import ObjectListQuerySerializer, ReadSerializer
from ..serializers.responses import ObjectListSerializer
from .base import ServiceViewSet, answer_stored, audited, get_caller, validated
from .receive import receive_body

READING = ("retrieve", "retrieve_or_download")


class ObjectViewSet(ServiceViewSet):
    """Store, read and remove a file under its bucket and name; list what a bucket holds."""

    streamed_actions = ("store",)
    audit_actions = audited(list="object_list", store="file_upload", retrieve="file_get", destroy="file_delete")

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Let the file answer whatever `Accept` says: a player asks for `video/*`, and its type is the file's own."""
        return super().perform_content_negotiation(request, force=force or self.action in READING)

    def list(self, request: Request, bucket_name: str) -> Response:
        """List the objects in a bucket.

        The objects are in the order of S3: by the bytes of their keys. Staff see every object. Other users see
        only the files that they may read. Follow `next` until it is null.
        """
        params = validated(ObjectListQuerySerializer, request.query_params)
        listing = services.object_list(user=get_caller(request), bucket=bucket_name, **params)
        return Response(ObjectListSerializer(listing, context={"request": request}).data)

    def store(self, request: Request, bucket_name: str, file_name: str) -> Response:
        """Upload the body of the request as a file.

        The body is the file itself, without a form. `Content-Type` names its type; without one, the file name
        does. The server streams the body to S3 unchanged, so do not send `Content-Encoding`. The final slash of
        the address is optional. Ownership and `overwrite` work as in the upload of form-data.
        """
        upload, repeated = receive_body(request, bucket=bucket_name, file_name=file_name)
        return answer_stored(request, upload, repeated=repeated)

    def retrieve(self, request: Request, bucket_name: str, file_name: str) -> HttpResponseBase:
        """Read a file.

        The server redirects to a presigned URL that works for a few minutes. S3 serves the bytes, and ranges of
        them.

        With `proxy=true` the server sends the bytes itself, for clients that cannot reach S3; it answers
        several ranges as `multipart/byteranges`. HEAD returns the same headers without a body. Omit the final
        slash if the file name ends in `/download`. Only staff can read files of other users.
        """
        params = validated(ReadSerializer, request.query_params)
        upload = services.file_find(user=get_caller(request), bucket=bucket_name, file_name=file_name)
        known = answer_unchanged(request._request, etag=upload.etag, changed_at=cast(datetime, upload.completed_at))
        answer_with = _proxied if params["proxy"] else _redirected
        return known or answer_with(request, upload, params["disposition"])

    def destroy(self, request: Request, bucket_name: str, file_name: str) -> Response:
        """Remove a file and its record, by the address of the file.

        The same as the removal that names the user, for clients that only know the address.
        """
        services.file_delete(user=get_caller(request), bucket=bucket_name, file_name=file_name)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _redirected(request: Request, upload: FileUpload, disposition: str) -> HttpResponseBase:
    method: Literal["GET", "HEAD"] = "HEAD" if request.method == "HEAD" else "GET"
    signed = services.file_redirect(user=get_caller(request), upload=upload, method=method, disposition=disposition)
    # The signed URL is for this caller and for a while.
    return HttpResponse(status=status.HTTP_302_FOUND, headers={"Location": signed.url, "Cache-Control": "no-store"})


def _proxied(request: Request, upload: FileUpload, disposition: str) -> HttpResponseBase:
    return answer_file(
        request._request,
        size=upload.size or 0,
        content_type=upload.served_content_type,
        etag=upload.etag,
        changed_at=cast(datetime, upload.completed_at),
        disposition=services.file_disposition(upload, disposition),
        read=partial(services.file_read, user=get_caller(request), upload=upload),
    )
