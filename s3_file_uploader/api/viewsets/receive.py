"""Store the file of a request while it arrives: the file of a form, or the body itself."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from django.http import QueryDict
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from ... import services
from ...exceptions import InvalidField, UploadInProgress
from ...models import FileUpload
from ...policy.bucket_policy import get_policy
from ...policy.names import validate_file_name
from ...policy.users import resolve_owner
from ...values import CHUNK_BYTES
from ..requests.body import RequestBody
from ..requests.multipart_form import FILE_FIELD, FormFile, read_form
from ..serializers.headers import content_type_declared, idempotency_key_of
from ..serializers.requests import FileUploadFormSerializer, RawUploadSerializer
from .base import FORM, FORM_IN_URL, get_caller, validated

TEXT = "text/plain"
# https://www.rfc-editor.org/rfc/rfc9110.html#name-content-encoding
NOT_ENCODED = ("", "identity")
WSGIREF = "WSGIServer/"


@dataclass(slots=True)
class _Stream:
    """The content of a file, and what the client announces about it.

    Attributes:
        chunks: the bytes, to read once.
        checksum_sha256: of the file; from a form, it may be known when `chunks` ends.
        size: in bytes, None if the client does not announce it.
        at_most: the number of bytes that can come; None if that is unknown.
    """

    chunks: Iterable[bytes]
    checksum_sha256: str | None
    size: int | None
    at_most: int | None


def receive_form(request: Request) -> tuple[FileUpload, bool]:
    """Store the file of a form while it arrives.

    Returns:
        The stored record, and whether an earlier request with the same Idempotency-Key stored it.

    Raises:
        UnsupportedMediaType: the body is no form.
        ValidationError, InvalidField: the fields are invalid, or a late one contradicts where a large file went.
        S3FileUploaderError: as `services.file_receive`.
    """
    if not request.content_type.startswith(FORM):
        advice = "Send multipart/form-data, or send the bytes by PUT to buckets/{bucket_name}/files/{file_name}/."
        raise UnsupportedMediaType(request.content_type, advice)
    with read_form(request._request) as (fields, file):
        target, checksum = _read_fields(request, fields, file)
        assert file is not None  # noqa: S101 - the serializer requires it
        stream = _Stream(file.chunks, checksum, file.size, file.at_most)
        stream.chunks = _read_to_end(request, fields, file, target, stream)
        return _receive(request, stream, content_type=file.content_type, **target)


def receive_body(request: Request, *, bucket: str, file_name: str) -> tuple[FileUpload, bool]:
    """Store the body of a request while it arrives.

    Returns:
        The stored record, and whether an earlier request with the same Idempotency-Key stored it.

    Raises:
        UnsupportedMediaType: the body is a form, or is encoded.
        ValidationError, InvalidField: query or headers are invalid.
        S3FileUploaderError: as `services.file_receive`.
    """
    if request.content_type.startswith(FORM):
        advice = "Send the bytes of the file alone, or POST the form to file/upload/."
        raise UnsupportedMediaType(request.content_type, advice)
    if request.headers.get("Content-Encoding", "").strip().lower() not in NOT_ENCODED:
        advice = "Bytes are stored as they come: send those of the file itself, without Content-Encoding."
        raise UnsupportedMediaType(request.content_type, advice)
    checksum = request.headers.get("X-Checksum-Sha256", "")
    options = validated(RawUploadSerializer, {**request.query_params.dict(), "x_checksum_sha256": checksum})
    body = RequestBody(request._request)
    # Half of a usual read: while a chunk is assembled from what has arrived, it lies in memory twice.
    chunks = iter(partial(body.read, CHUNK_BYTES // 2), b"")
    return _receive(
        request,
        _Stream(chunks, options["x_checksum_sha256"], body.length, body.length),
        bucket=bucket,
        file_name=file_name,
        original_name=file_name if options["own_key"] else file_name.rpartition("/")[2],
        owner=get_caller(request),
        overwrite=options["overwrite"],
        own_key=options["own_key"],
        content_type=_body_content_type(request),
    )


def _receive(request: Request, stream: _Stream, *, content_type: str, **target: Any) -> tuple[FileUpload, bool]:
    """Store a stream, unless an earlier request with the same Idempotency-Key did."""
    user, key = get_caller(request), idempotency_key_of(request.headers)
    announced: dict[str, Any] = {"size": stream.size, "checksum_sha256": stream.checksum_sha256}
    names: dict[str, Any] = {name: target[name] for name in ("bucket", "file_name", "own_key") if name in target}
    repeated: dict[str, Any] = {"user": user, "idempotency_key": key, **names, **announced}
    # The claim of a key of its own finds an earlier request, too, at less cost: most requests are the first.
    if not target.get("own_key") and (stored := services.upload_repeated(**repeated)):
        return stored, True
    options = {"content_type": content_type_declared(content_type), "at_most": stream.at_most}
    try:
        return _store(stream, user=user, idempotency_key=key, **options, **target, **announced), False
    except UploadInProgress:
        return services.upload_answered(**repeated), True


def _store(stream: _Stream, **arguments: Any) -> FileUpload:
    with services.file_receive(**arguments) as incoming:
        for chunk in stream.chunks:
            incoming.write(chunk)
            del chunk  # Release it before the next one is read.
        incoming.checksum_sha256 = stream.checksum_sha256
    return incoming.upload


def _read_to_end(
    request: Request, fields: QueryDict, file: FormFile, target: dict[str, Any], stream: _Stream
) -> Iterator[bytes]:
    """Yield the content of the file, then compare the fields that followed it."""
    yield from file.chunks
    late, stream.checksum_sha256 = _read_fields(request, fields, file)
    changed = [name for name in target if late[name] != target[name]]
    if changed:
        raise InvalidField(
            "user_id" if changed[0] == "owner" else changed[0],
            "It came behind a large file and says where that goes or what it is called: send it before.",
        )


def _read_fields(request: Request, fields: QueryDict, file: FormFile | None) -> tuple[dict[str, Any], str | None]:
    """Return where the file of a form goes, as arguments of `file_receive`, and its announced checksum."""
    if file is not None:
        fields[FILE_FIELD] = cast(Any, file)  # Serializers look for it here.
    form = validated(FileUploadFormSerializer, fields)
    sent: FormFile = form[FILE_FIELD]
    owner = resolve_owner(caller=get_caller(request), user_id=form.get("user_id"))
    given_name = form.get("original_name")
    target = {
        "bucket": form["bucket"],
        "file_name": form.get("file_name") or f"{get_policy(owner, form['bucket']).key_prefix}{sent.name}",
        "original_name": _strip_folders(given_name) if given_name else sent.name,
        "owner": owner,
        "overwrite": form["overwrite"],
    }
    return target, form.get("checksum_sha256")


def _strip_folders(name: str) -> str:
    """Return the last segment of a name, as Django does with the file name in a form.

    Raises:
        InvalidFileName: it is too long, or has control characters.
    """
    return validate_file_name(name.replace("\\", "/").rpartition("/")[2])


def _body_content_type(request: Request) -> str:
    """Return the declared type of a body; nothing where a default of client or server may stand in its place.

    curl declares a form unless it is told a type. Servers of wsgiref, such as `runserver`, declare plain text.
    https://github.com/python/cpython/blob/3.13/Lib/wsgiref/simple_server.py
    """
    declared = request.content_type
    by_wsgiref = declared == TEXT and request.META.get("SERVER_SOFTWARE", "").startswith(WSGIREF)
    return "" if by_wsgiref or declared.startswith(FORM_IN_URL) else declared
