"""The errors of each operation. Status, code and body are those that `translate_error` makes of each exception."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import DatabaseError
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import exceptions as drf
from rest_framework.serializers import Serializer

from ... import exceptions as own
from ...models.idempotency_key import REUSED
from ...s3.errors import CLIENT_ERRORS, UNEXPECTED
from ...services.direct_uploads.parts import NO_LONGER_PENDING
from ...services.download_folder.index import FULL
from ...services.lookup import upload_not_found
from ...values import MAX_PARTS
from ..errors import RETRIED, translate_error
from ..requests.body_guard import TOO_SLOW
from ..serializers.responses import ErrorSerializer

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
DELETION: ErrorKinds = (*STORAGE, own.NotYourFile, own.FileExists, own.FileInUse)
UPLOAD: ErrorKinds = (
    *(*STORAGE, own.BucketNotFound, own.FileExists, own.FileInUse),
    *FILE,  # Not found: another program removed it before S3 could be asked what it holds.
    *(own.ChecksumMismatch, own.ContentTypeMismatch, own.SizeMismatch, own.LengthRequired),
    *(own.IdempotencyKeyReused, own.UploadInProgress, own.FileRejected),
    *POLICY,
)
START: ErrorKinds = (
    *(*STORAGE, own.InvalidBucketName, own.InvalidFileName, own.BucketNotAllowed, own.BucketNotFound),
    *(own.UploadNotPending, own.ContentTypeNotAllowed, own.QuotaExceeded),
)
GONE: ErrorKinds = (own.UploadNotFound, own.BucketNotFound, own.UploadNotPending)
SIGNING: ErrorKinds = (*STORAGE, *GONE, own.FileTooLarge, own.QuotaExceeded)
PARTS: ErrorKinds = (*SIGNING, own.UploadInProgress)
COMPLETION: ErrorKinds = (
    *(*PARTS, own.PartsMissing, own.SizeMismatch, own.ContentTypeMismatch, own.ChecksumMismatch),
    *(own.FileRejected, own.ContentTypeNotAllowed),
    own.FileExists,  # A part of the key is a file, in a store that keeps keys as paths.
)

# Beside the errors of every request, of credentials and of validation. The first of each status is its example.
RAISED: dict[str, ErrorKinds] = {
    "bucket_list": STORAGE,
    # Not found: it was removed before its public access could be blocked.
    "bucket_create": (*STORAGE, own.InvalidBucketName, own.BucketExists, own.BucketNotFound),
    "bucket_remove": (*STORAGE, own.InvalidBucketName, own.BucketOwnerMismatch, own.BucketNotFound, own.BucketNotEmpty),
    "file_upload": (*UPLOAD, own.NotYourFile),
    "file_download": (*PRESIGN, own.FileExists, own.DownloadFolderFull),
    "file_delete": (*DELETION, *FILE, own.InvalidField),
    **dict.fromkeys(("file_presign_query", "file_presign_body"), PRESIGN),
    "file_put": UPLOAD,
    "file_get": (*PRESIGN, own.RangeNotSatisfiable, own.PreconditionFailed),
    "file_remove": (*DELETION, *FILE),
    "object_list": (*STORAGE, own.InvalidBucketName, own.BucketNotAllowed, own.BucketNotFound),
    "upload_folder": (*STORAGE, own.InvalidBucketName, own.NotYourFile, own.BucketNotAllowed, own.BucketNotFound),
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

# The messages of the exceptions that are the example of a status, as the server sends them.
MESSAGES: Mapping[type[Exception], str] = {
    **dict(reversed(CLIENT_ERRORS.values())),
    own.FileExists: CLIENT_ERRORS["412"][1],
    own.StorageError: UNEXPECTED[1],
    own.UploadNotFound: str(upload_not_found()),
    own.UploadTokenNotFound: "You have no upload token with that id: look at the list of your tokens.",
    own.ShareNotFound: "This link does not work, or no longer works: ask its sender for another.",
    own.RequestTooSlow: TOO_SLOW,
    own.FileQuarantined: "The file is being scanned: try again in a moment.",
    own.UploadNotPending: NO_LONGER_PENDING,
    own.LengthRequired: "Send Content-Length, so that a file that breaks off is not taken for a whole one.",
    own.PreconditionFailed: "The file was replaced since you saw it: ask for it without the condition.",
    own.RangeNotSatisfiable: "The file has 5 bytes: ask for a range within.",
    own.FileRejected: "ClamAV found Eicar-Signature.",
    own.IdempotencyKeyReused: REUSED,
    own.DownloadFolderFull: FULL,
}
# The arguments of those that take more than a message.
REQUIRED = [drf.ErrorDetail("This field is required.", "required")]
ARGUMENTS: Mapping[type[Exception], tuple[Any, ...]] = {
    own.InvalidField: ("part_numbers", f"Give numbers from 1 to {MAX_PARTS}."),
    own.FileTooLarge: ("Files up to 104857600 bytes are taken here.", {"max_file_bytes": 104_857_600}),
    own.ContentTypeNotAllowed: (
        "Files of the type 'text/plain' are not taken here: send one of image/*.",
        {"content_types": ["image/*"]},
    ),
    drf.ValidationError: ({"bucket": REQUIRED},),
    drf.MethodNotAllowed: ("PATCH",),
    drf.UnsupportedMediaType: ("text/plain",),
    drf.Throttled: (60,),
}
ARGUMENTS_IN: Mapping[tuple[str, type[Exception]], tuple[Any, ...]] = {
    ("uppy_params", drf.ValidationError): ({"filename": REQUIRED},),
    ("uppy_sign_parts", own.InvalidField): ("partNumbers", "Give numbers of parts, with a comma between."),
}
RETRIED_LATER = {*RETRIED, drf.Throttled.default_code}
# A request that lacks every required field, and has values for these alone.
INVALID = {"page_size": 0, "proxy": "?", "expires_in": "?", "x_checksum_sha256": "?"}


def error_responses(
    operation: str, validators: Sequence[type[Serializer[Any]]], *, has_body: bool, is_public: bool
) -> tuple[dict[int, OpenApiResponse], OpenApiParameter]:
    """Return the error responses of an operation by status, and their header `Retry-After`.

    Each response names its codes and shows one of them. The validators are the serializers of query and body.
    """
    input_kinds = BODY if has_body else QUERY if validators else ()
    kinds = (*(ANY_REQUEST if is_public else CALLER), *input_kinds, *RAISED.get(operation, ()))
    by_status: defaultdict[int, dict[str, tuple[str, Any]]] = defaultdict(dict)
    for kind in kinds:
        if kind is not drf.NotAcceptable or operation not in REDIRECTS:
            status, body = _build_answer(operation, kind, validators)
            meaning = f": {kind.__doc__}" if issubclass(kind, own.S3FileUploaderError) else ""
            by_status[status].setdefault(body["code"], (f"`{body['code']}`{meaning}", body))
    waiting = [status for status, by_code in by_status.items() if not RETRIED_LATER.isdisjoint(by_code)]
    retry_after = OpenApiParameter(
        "Retry-After", int, OpenApiParameter.HEADER, description="Seconds to wait.", response=waiting
    )
    return {status: _build_response([*by_status[status].values()]) for status in sorted(by_status)}, retry_after


def all_codes() -> list[str]:
    """Return every code of this version."""
    kinds = {kind for kinds in (CALLER, BODY, *RAISED.values()) for kind in kinds}
    return sorted({_build_answer("", kind, ())[1]["code"] for kind in kinds})


def _build_response(codes: list[tuple[str, Any]]) -> OpenApiResponse:
    words, body = codes[0]
    if len(codes) > 1:
        words = "\n".join(f"- {words}" for words, _ in codes)
    return OpenApiResponse(ErrorSerializer, words, [OpenApiExample(body["code"], body)])


def _build_answer(
    operation: str, kind: type[Exception], validators: Sequence[type[Serializer[Any]]]
) -> tuple[int, Any]:
    default = (MESSAGES.get(kind, kind.__doc__),) if issubclass(kind, own.S3FileUploaderError) else ()
    error = kind(*ARGUMENTS_IN.get((operation, kind), ARGUMENTS.get(kind, default)))
    if kind is drf.ValidationError and validators:
        validator = validators[0](data=INVALID)
        validator.is_valid()
        error = drf.ValidationError(validator.errors)
    response: Any = translate_error(error)
    return response.status_code, response.detail
