"""From a raw request body to the file that is to be stored."""

from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from ... import services
from ...models import FileUpload
from ...values import CHUNK_BYTES
from ..requests.body import RequestBody
from ..serializers import RawUploadSerializer, content_type_declared, idempotency_key_of
from .base import FORM, FORM_IN_URL, caller_of, validated

TEXT = "text/plain"
# https://www.rfc-editor.org/rfc/rfc9110.html#name-content-encoding
PLAIN = ("", "identity")
WSGIREF = "WSGIServer/"


def raw_upload(request: Request, *, bucket: str, file_name: str) -> tuple[FileUpload, bool]:
    """Store the body of a request while it arrives.

    Returns:
        The stored record, and whether an earlier request with the same Idempotency-Key stored it.

    Raises:
        UnsupportedMediaType: the body is a form, or is packed for the way.
        ValidationError, InvalidField: query or headers are wrong.
        S3FileUploaderError: as `services.file_receive`.
    """
    if request.content_type.startswith(FORM):
        wanted = "Send the bytes of the file alone, or POST the form to file/upload/."
        raise UnsupportedMediaType(request.content_type, wanted)
    if request.headers.get("Content-Encoding", "").strip().lower() not in PLAIN:
        wanted = "Bytes are stored as they come: send those of the file itself, without Content-Encoding."
        raise UnsupportedMediaType(request.content_type, wanted)
    caller, key = caller_of(request), idempotency_key_of(request.headers)
    checksum = request.headers.get("X-Checksum-Sha256", "")
    options = validated(RawUploadSerializer, {**request.query_params.dict(), "x_checksum_sha256": checksum})
    body = RequestBody(request._request)
    told = {"size": body.length, "checksum_sha256": options["x_checksum_sha256"]}
    stored = services.upload_repeated(user=caller, idempotency_key=key, bucket=bucket, file_name=file_name, **told)
    if stored:
        return stored, True
    with services.file_receive(
        user=caller,
        owner=caller,
        bucket=bucket,
        file_name=file_name,
        content_type=content_type_declared(_declared_content_type(request)),
        original_name=file_name.rpartition("/")[2],
        overwrite=options["overwrite"],
        idempotency_key=key,
        **told,
    ) as incoming:
        if body.length is not None:
            incoming.receive(body.read_into, body.length)
        else:
            while data := body.read(CHUNK_BYTES):
                incoming.write(data)
    return incoming.upload, False


def _declared_content_type(request: Request) -> str:
    """Return what the client says the file is, nothing where the type may be another's word for none.

    curl says `form` of every body whose type it is not told, and `runserver`, as every server of wsgiref, plain text.
    https://github.com/python/cpython/blob/3.13/Lib/wsgiref/simple_server.py
    """
    declared = request.content_type
    by_wsgiref = declared == TEXT and request.META.get("SERVER_SOFTWARE", "").startswith(WSGIREF)
    return "" if by_wsgiref or declared.startswith(FORM_IN_URL) else declared
