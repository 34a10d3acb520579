"""The errors of each operation. Status, code and body are those that `translate_error` makes of each exception."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import DatabaseError
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import exceptions as drf
from rest_framework.serializers import Serializer

from ... import exceptions as own
from ..errors import RETRIED, translate_error
from ..serializers.responses import ErrorSerializer
from .error_examples import ARGUMENTS, ARGUMENTS_IN, INVALID

ErrorKinds = tuple[type[Exception], ...]

ANY_REQUEST: ErrorKinds = (drf.MethodNotAllowed, drf.NotAcceptable, drf.Throttled)
CALLER: ErrorKinds = (*ANY_REQUEST, drf.NotAuthenticated, drf.PermissionDenied, DatabaseError)
QUERY: ErrorKinds = (drf.ValidationError,)
BODY: ErrorKinds = (drf.ValidationError, drf.UnsupportedMediaType, own.RequestTooSlow)
S3_DOWN: ErrorKinds = (own.StorageUnavailable, own.StorageNotConfigured, own.StorageTimeout)
STORAGE: ErrorKinds = (own.StorageAccessDenied, own.StorageError, *S3_DOWN)
FILE: ErrorKinds = (own.InvalidBucketName, own.InvalidFileName, own.BucketNotAllowed, own.FileNotFound)
POLICY: ErrorKinds = (own.FileTooLarge, own.ContentTypeNotAllowed, own.QuotaExceeded)
PRESIGN: ErrorKinds = (*STORAGE, *FILE, own.BucketNotFound, own.FileQuarantined)
DELETION: ErrorKinds = (*STORAGE, own.NotYourFile, own.FileExists)
UPLOAD: ErrorKinds = (
    *(*STORAGE, own.BucketNotFound, own.FileExists),
    *FILE,  # Not found: another program removed it before S3 could be asked what it holds.
    *(own.ChecksumMismatch, own.ContentTypeMismatch, own.SizeMismatch, own.LengthRequired),
    *(own.IdempotencyKeyReused, own.UploadInProgress, own.FileRejected),
    *POLICY,
)
START: ErrorKinds = (
    *(*STORAGE, own.InvalidBucketName, own.InvalidFileName, own.BucketNotAllowed, own.BucketNotFound),
    *(own.UploadNotPending, own.ContentTypeNotAllowed, own.QuotaExceeded),
)
SIGNING: ErrorKinds = (
    *(*STORAGE, own.UploadNotFound, own.BucketNotFound, own.UploadNotPending, own.FileTooLarge, own.QuotaExceeded),
)
PARTS: ErrorKinds = (*SIGNING, own.UploadInProgress)
COMPLETION: ErrorKinds = (
    *(*PARTS, own.PartsMissing, own.SizeMismatch, own.ContentTypeMismatch, own.ChecksumMismatch),
    *(own.FileRejected, own.ContentTypeNotAllowed),
    own.FileExists,  # A part of the key is a file, in a store that keeps keys as paths.
)

# Beside the errors of every request, of credentials and of validation.
RAISED: dict[str, ErrorKinds] = {
    "bucket_list": STORAGE,
    # Not found: it was removed before its public access could be blocked.
    "bucket_create": (*STORAGE, own.InvalidBucketName, own.BucketExists, own.BucketNotFound),
    "bucket_remove": (
        *(*STORAGE, own.InvalidBucketName, own.BucketOwnerMismatch, own.BucketNotFound, own.BucketNotEmpty),
    ),
    "file_upload": (*UPLOAD, own.NotYourFile),
    "file_download": (*PRESIGN, own.FileExists, own.DownloadFolderFull),
    "file_delete": (*DELETION, *FILE, own.InvalidField),
    **dict.fromkeys(("file_presign_query", "file_presign_body"), PRESIGN),
    "file_put": UPLOAD,
    "file_get": (*PRESIGN, own.RangeNotSatisfiable, own.PreconditionFailed),
    "file_remove": (*DELETION, *FILE),
    "object_list": (*STORAGE, own.InvalidBucketName, own.BucketNotAllowed, own.BucketNotFound),
    "upload_list": (own.NotYourFile,),
    "upload_start": (*START, own.NotYourFile, own.FileTooLarge, own.IdempotencyKeyReused),
    "upload_usage": (own.InvalidBucketName, own.NotYourFile, own.BucketNotAllowed),
    "upload_get": (own.UploadNotFound,),
    **dict.fromkeys(("upload_parts", "upload_parts_sign", "uppy_parts"), PARTS),
    **dict.fromkeys(("upload_complete", "uppy_complete", "uppy_arrived"), COMPLETION),
    "upload_delete": (*DELETION, own.UploadNotFound),
    "uppy_params": (drf.ValidationError, *START),
    "uppy_create": START,
    **dict.fromkeys(("uppy_sign_part", "uppy_sign_parts"), (own.InvalidField, *SIGNING)),
    "uppy_abort": (*STORAGE, own.UploadNotFound, own.UploadNotPending),
    "uppy_sign": (*START, own.UploadNotFound, own.FileTooLarge),
    "uppy_token_revoke": (own.UploadTokenNotFound,),
    **dict.fromkeys(("share_create", "share_list"), (*FILE, own.NotYourFile, own.FileQuarantined)),
    # Bucket not found: on AWS, its region is asked first.
    "share_follow": (*STORAGE, DatabaseError, own.ShareNotFound, own.BucketNotFound),
    "share_revoke": (own.ShareNotFound,),
}
# A file has the type it has, whatever `Accept` says.
REDIRECTS = ("file_get", "share_follow")

RETRIED_LATER = {*RETRIED, drf.Throttled.default_code}


def error_responses(
    operation: str, validators: Sequence[type[Serializer[Any]]], *, has_body: bool, is_public: bool
) -> tuple[dict[int, OpenApiResponse], OpenApiParameter]:
    """Return the error responses of an operation by status, and their header `Retry-After`.

    Each response names its codes and shows an example of each. The validators are the serializers of query and body.
    """
    input_kinds = BODY if has_body else QUERY if validators else ()
    kinds = (*(ANY_REQUEST if is_public else CALLER), *input_kinds, *RAISED.get(operation, ()))
    by_status: defaultdict[int, dict[str, tuple[str, Any]]] = defaultdict(dict)
    for kind in kinds:
        if kind is not drf.NotAcceptable or operation not in REDIRECTS:
            status, body = _answer(operation, kind, validators)
            meaning = f": {kind.__doc__}" if issubclass(kind, own.S3FileUploaderError) else ""
            by_status[status].setdefault(body["code"], (f"`{body['code']}`{meaning}", body))
    waiting = [status for status, by_code in by_status.items() if not RETRIED_LATER.isdisjoint(by_code)]
    retry_after = OpenApiParameter(
        "Retry-After", int, OpenApiParameter.HEADER, description="Seconds to wait.", response=waiting
    )
    return {status: _response([*by_status[status].values()]) for status in sorted(by_status)}, retry_after


def all_codes() -> list[str]:
    """Return every code of this version."""
    kinds = {kind for kinds in (CALLER, BODY, *RAISED.values()) for kind in kinds}
    return sorted({_answer("", kind, ())[1]["code"] for kind in kinds})


def _response(codes: list[tuple[str, Any]]) -> OpenApiResponse:
    words = "\n".join(f"- {words}" for words, _ in codes) if len(codes) > 1 else codes[0][0]
    return OpenApiResponse(ErrorSerializer, words, [OpenApiExample(body["code"], body) for _, body in codes])


def _answer(operation: str, kind: type[Exception], validators: Sequence[type[Serializer[Any]]]) -> tuple[int, Any]:
    error = kind(*ARGUMENTS_IN.get((operation, kind), ARGUMENTS.get(kind, ())))
    if kind is drf.ValidationError and validators:
        validator = validators[0](data=INVALID)
        validator.is_valid()
        error = drf.ValidationError(validator.errors)
    response: Any = translate_error(error)
    return response.status_code, response.detail
