"""One file by the endpoints of the specification: upload as form-data, presign, remove."""

from typing import Any

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from ... import services
from ...policy.users import resolve_owner
from ..serializers.requests import PresignSerializer
from ..serializers.responses import PresignedUrlSerializer
from .base import ServiceViewSet, answer_stored, audited, get_caller, validated
from .receive import receive_form


class FileViewSet(ServiceViewSet):
    """Upload, presign and delete one file."""

    streamed_actions = ("upload",)
    audit_actions = audited(
        upload="file_upload",
        destroy="file_delete",
        presign_from_query="file_presign",
        presign_from_body="file_presign",
    )

    def upload(self, request: Request) -> Response:
        """Upload a file as form-data.

        The server streams the file to S3 while it arrives, so send `bucket` and the other fields before `file`.
        The response comes when S3 holds every byte.

        An object key belongs to the user who uploads to it first. Later uploads to the same key fail, unless
        its owner sends `overwrite=true`.
        """
        upload, repeated = receive_form(request)
        return answer_stored(request, upload, repeated=repeated)

    def destroy(self, request: Request, user_id: str, bucket_name: str, file_name: str) -> Response:
        """Remove a file and its record.

        The server deletes the object first, then the record. If a request was interrupted, repeat it.
        In a bucket with versions, S3 keeps the bytes as an old version.
        """
        owner = resolve_owner(caller=get_caller(request), user_id=user_id)
        services.file_delete(user=get_caller(request), owner=owner, bucket=bucket_name, file_name=file_name)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def presign_from_query(self, request: Request) -> Response:
        """Presign a URL for a file, with parameters in the query.

        Everyone who has the URL can read the file until it expires, without other credentials.
        """
        return self._presign(request, request.query_params)

    def presign_from_body(self, request: Request) -> Response:
        """Presign a URL for a file, with parameters in the body.

        The same as with GET, for clients that do not want file names in URLs.
        """
        return self._presign(request, request.data)

    def _presign(self, request: Request, parameters: Any) -> Response:
        params = validated(PresignSerializer, parameters)
        presigned = services.file_presign(
            user=get_caller(request),
            bucket=params["bucket"],
            file_name=params["file_name"],
            expires_in_seconds=params["expiration"],
            disposition=params["disposition"],
        )
        return Response(PresignedUrlSerializer(presigned).data)
