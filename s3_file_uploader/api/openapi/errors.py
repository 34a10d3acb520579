"""What can go wrong in which operation. Status, code and body are what `http_errors` makes of each error."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import DatabaseError
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction, OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import exceptions as drf

from ... import exceptions as own
from ...values import MAX_KEY_BYTES, MAX_PARTS
from ..errors import RETRIED, translate_error
from ..requests.body_guard import TOO_SLOW
from ..serializers import ErrorSerializer
from .enums import enum_component

ErrorKinds = tuple[type[Exception], ...]

OF_ANY_REQUEST: ErrorKinds = (drf.MethodNotAllowed, drf.NotAcceptable, drf.Throttled)
OF_A_CALLER: ErrorKinds = (*OF_ANY_REQUEST, drf.NotAuthenticated, drf.PermissionDenied, DatabaseError)
OF_A_BODY: ErrorKinds = (drf.ValidationError, drf.UnsupportedMediaType)
OF_STORAGE: ErrorKinds = (
    own.StorageAccessDenied,
    own.StorageError,
    own.StorageNotConfigured,
    own.StorageUnavailable,
    own.StorageTimeout,
)
OF_A_FILE: ErrorKinds = (own.InvalidBucketName, own.InvalidFileName, own.BucketNotAllowed, own.FileNotFound)
OF_A_PRESIGNED_URL: ErrorKinds = (*OF_A_CALLER, *OF_STORAGE, *OF_A_FILE, own.BucketNotFound, own.FileQuarantined)
OF_A_POLICY: ErrorKinds = (own.FileTooLarge, own.ContentTypeNotAllowed, own.QuotaExceeded)
OF_AN_UPLOAD: ErrorKinds = (
    *(*OF_A_CALLER, *OF_STORAGE, *OF_A_BODY),
    *OF_A_FILE,  # Not found: another program removed it before S3 could be asked what it holds.
    own.InvalidField,
    own.ChecksumMismatch,
    own.ContentTypeMismatch,
    own.SizeMismatch,
    own.RequestTooSlow,
    own.LengthRequired,
    own.IdempotencyKeyReused,
    own.BucketNotFound,
    own.FileExists,
    own.UploadInProgress,
    own.FileRejected,
    *OF_A_POLICY,
)
OF_PARTS_THAT_ARE_TOO_MUCH: ErrorKinds = (own.FileTooLarge, own.QuotaExceeded)
OF_PARTS: ErrorKinds = (
    *(*OF_A_CALLER, *OF_STORAGE),
    own.BucketNotFound,
    own.UploadNotFound,
    own.UploadInProgress,
    own.UploadNotPending,
    *OF_PARTS_THAT_ARE_TOO_MUCH,
)
OF_COMPLETION: ErrorKinds = (
    *OF_PARTS,
    own.PartsMissing,
    own.SizeMismatch,
    own.ContentTypeMismatch,
    own.ChecksumMismatch,
    own.FileRejected,
    own.FileExists,  # A part of the key is a file, in a store that keeps keys as paths.
    own.ContentTypeNotAllowed,
)
OF_UPPY_BEGINNING: ErrorKinds = (
    *(*OF_A_CALLER, *OF_STORAGE),
    own.InvalidField,
    own.InvalidBucketName,
    own.InvalidFileName,
    own.BucketNotAllowed,
    own.BucketNotFound,
    own.UploadNotPending,
    own.ContentTypeNotAllowed,
    own.QuotaExceeded,
)
OF_UPPY_PARTS: ErrorKinds = (
    *(*OF_A_CALLER, *OF_STORAGE),
    own.InvalidField,
    own.BucketNotFound,
    own.UploadNotFound,
    own.UploadNotPending,
    *OF_PARTS_THAT_ARE_TOO_MUCH,
)

# Of several errors with one code, the first gives the example.
RAISED: dict[str, ErrorKinds] = {
    "bucket_list": (*OF_A_CALLER, *OF_STORAGE),
    "bucket_create": (
        *(*OF_A_CALLER, *OF_STORAGE, *OF_A_BODY),
        own.InvalidBucketName,
        own.InvalidField,
        own.BucketExists,
        own.BucketNotFound,  # It went again before its public access could be blocked.
    ),
    "bucket_remove": (
        *(*OF_A_CALLER, *OF_STORAGE),
        own.InvalidBucketName,
        own.BucketOwnerMismatch,
        own.BucketNotFound,
        own.BucketNotEmpty,
    ),
    "file_upload": (*OF_AN_UPLOAD, own.NotYourFile),
    "file_download": (
        *(*OF_A_CALLER, *OF_STORAGE, *OF_A_FILE),
        own.BucketNotFound,
        own.FileExists,
        own.FileQuarantined,
        own.DownloadFolderFull,
    ),
    "file_delete": (*OF_A_CALLER, *OF_STORAGE, *OF_A_FILE, own.InvalidField, own.NotYourFile, own.FileExists),
    "file_presign_query": (*OF_A_PRESIGNED_URL, drf.ValidationError),
    "file_presign_body": (*OF_A_PRESIGNED_URL, *OF_A_BODY),
    "file_put": OF_AN_UPLOAD,
    "file_get": tuple(
        kind
        for kind in (*OF_A_PRESIGNED_URL, drf.ValidationError, own.RangeNotSatisfiable, own.PreconditionFailed)
        if kind is not drf.NotAcceptable  # A file has the type it has.
    ),
    "file_remove": (*OF_A_CALLER, *OF_STORAGE, *OF_A_FILE, own.NotYourFile, own.FileExists),
    "object_list": (
        *(*OF_A_CALLER, *OF_STORAGE),
        drf.ValidationError,
        own.InvalidField,
        own.InvalidBucketName,
        own.BucketNotAllowed,
        own.BucketNotFound,
    ),
    "upload_list": (*OF_A_CALLER, drf.ValidationError, own.InvalidField, own.NotYourFile),
    "upload_start": (
        *(*OF_A_CALLER, *OF_STORAGE, *OF_A_BODY),
        own.InvalidBucketName,
        own.InvalidFileName,
        own.InvalidField,
        own.NotYourFile,
        own.BucketNotAllowed,
        own.BucketNotFound,
        *OF_A_POLICY,
        own.IdempotencyKeyReused,
        own.UploadNotPending,
    ),
    "upload_usage": (
        *OF_A_CALLER,
        drf.ValidationError,
        own.InvalidField,
        own.InvalidBucketName,
        own.NotYourFile,
        own.BucketNotAllowed,
    ),
    "upload_get": (*OF_A_CALLER, own.UploadNotFound),
    "upload_parts": OF_PARTS,
    "upload_parts_sign": (*OF_PARTS, *OF_A_BODY, own.InvalidField),
    "upload_complete": OF_COMPLETION,
    "upload_delete": (*OF_A_CALLER, *OF_STORAGE, own.NotYourFile, own.UploadNotFound, own.FileExists),
    "uppy_params": (drf.ValidationError, *OF_UPPY_BEGINNING),
    "uppy_create": (*OF_A_BODY, *OF_UPPY_BEGINNING),
    "uppy_sign_part": OF_UPPY_PARTS,
    "uppy_sign_parts": OF_UPPY_PARTS,
    "uppy_parts": OF_PARTS,
    "uppy_complete": (*OF_COMPLETION, *OF_A_BODY),
    "uppy_abort": (*OF_A_CALLER, *OF_STORAGE, own.UploadNotFound, own.UploadNotPending),
    "uppy_arrived": OF_COMPLETION,
    "uppy_sign": (*OF_A_BODY, *OF_UPPY_BEGINNING, own.UploadNotFound, own.FileTooLarge),
    "uppy_token_create": (*OF_A_CALLER, *OF_A_BODY, own.InvalidField),
    "uppy_token_list": (*OF_A_CALLER, drf.ValidationError, own.InvalidField),
    "uppy_token_revoke": (*OF_A_CALLER, own.UploadTokenNotFound),
    "share_create": (
        *(*OF_A_CALLER, *OF_A_BODY, *OF_A_FILE, own.InvalidField),
        own.NotYourFile,
        own.FileQuarantined,
    ),
    "share_list_of_file": (
        *(*OF_A_CALLER, *OF_A_FILE, drf.ValidationError, own.InvalidField),
        own.NotYourFile,
        own.FileQuarantined,
    ),
    "share_list": (*OF_A_CALLER, drf.ValidationError, own.InvalidField),
    "share_follow": (
        *OF_STORAGE,
        *(drf.MethodNotAllowed, drf.Throttled, DatabaseError),
        own.ShareNotFound,
        own.BucketNotFound,  # On AWS its region is asked first.
    ),
    "share_revoke": (*OF_A_CALLER, own.ShareNotFound),
    "health": OF_ANY_REQUEST,
    "health_live": OF_ANY_REQUEST,
    "health_ready": OF_ANY_REQUEST,
}

# What each is made of, to show it; the words are those that the app itself uses.
MADE_OF: dict[type[Exception], tuple[Any, ...]] = {
    own.InvalidBucketName: ("A bucket name cannot look like an IP address.",),
    own.InvalidFileName: (f"A file name has 1 to {MAX_KEY_BYTES} bytes of UTF-8; this one has {MAX_KEY_BYTES + 1}.",),
    own.InvalidField: ("user_id", "There is no such user: give the primary key of an existing one."),
    own.ChecksumMismatch: ("The SHA-256 of what arrived is not the one you gave: send the file again.",),
    own.SizeMismatch: ("9 bytes were announced and 5 arrived: send the whole file again.",),
    own.ContentTypeMismatch: (
        "image/png was declared, and the bytes are text/html: send it as what it is, or as application/octet-stream.",
    ),
    own.PartsMissing: ("S3 does not hold all parts: send 2, 3, then complete the upload again.",),
    own.RequestTooSlow: (TOO_SLOW,),
    own.LengthRequired: ("This server cannot read a body in chunks: send Content-Length.",),
    own.PreconditionFailed: ("The file was replaced since you saw it: ask for it without the condition.",),
    own.RangeNotSatisfiable: ("The file has 5 bytes: ask for a range within.", 5),
    own.IdempotencyKeyReused: ("This Idempotency-Key was sent with another file: take a new one for each file.",),
    own.NotYourFile: ("Leave out user_id, or give your own: only staff may act for somebody else.",),
    own.BucketOwnerMismatch: ("The bucket belongs to another owner: take owner_id from the list of buckets.",),
    own.BucketNotAllowed: ("This bucket is not open to you: take one from the list of buckets.",),
    own.BucketNotFound: ("There is no such bucket: create it or check the name.",),
    own.FileNotFound: ("You have no stored file of that name in this bucket.",),
    own.UploadNotFound: ("You have no upload with that id: look at the list of uploads.",),
    own.UploadTokenNotFound: ("You have no upload token with that id: look at the list of your tokens.",),
    own.ShareNotFound: ("You have no share link with that id: look at the list of your links.",),
    own.BucketExists: ("The bucket name is taken: choose another.",),
    own.BucketNotEmpty: ("The bucket still holds files: delete them first.",),
    own.FileExists: ("The file is being written or removed by another request right now: try again in a moment.",),
    own.UploadInProgress: (
        "The same upload is still on its way: try again in a moment, with the same Idempotency-Key.",
    ),
    own.UploadNotPending: ("Nothing can be sent for this upload any more: look at its record, or start a new one.",),
    own.FileQuarantined: ("The file is being scanned: try again in a moment.",),
    own.FileRejected: ("The file was removed: the scanner found Eicar-Test-Signature in it.",),
    own.FileTooLarge: ("Files up to 104857600 bytes are taken here.", {"max_file_bytes": 104_857_600}),
    own.ContentTypeNotAllowed: (
        "Files of the type 'text/html' are not taken here: send one of image/*, application/pdf.",
        {"content_types": ["image/*", "application/pdf"]},
    ),
    own.QuotaExceeded: (
        "You have 12 of 12 files in this bucket, unfinished ones included: remove one.",
        {"quota_files": 12, "files": 12},
    ),
    own.StorageAccessDenied: ("S3 denies this service the call: give its credentials the right for it.",),
    own.StorageError: ("S3 answered with an unexpected error: try again, then tell whoever runs this service.",),
    own.StorageNotConfigured: ("S3 needs a region: set AWS_STORAGE_REGION.",),
    own.StorageUnavailable: ("S3 cannot be reached: try again in a moment.",),
    own.StorageTimeout: ("S3 did not answer in time: look whether it happened, then try again.",),
    own.DownloadFolderFull: ("There is no room for the file under PATH_TO_SAVE_FILE: free some.",),
    DatabaseError: (),
    drf.ValidationError: ({"bucket": [drf.ErrorDetail("This field is required.", "required")]},),
    drf.NotAuthenticated: (),
    drf.PermissionDenied: (),
    drf.MethodNotAllowed: ("PATCH",),
    drf.NotAcceptable: (),
    drf.UnsupportedMediaType: ("text/plain",),
    drf.Throttled: (60,),
}
BEING_COMPLETED = ("The upload is being completed by another request: try again in a moment.",)
# Where an operation says the same code in words of its own.
MADE_OF_IN: dict[tuple[str, type[Exception]], tuple[Any, ...]] = {
    ("file_upload", drf.UnsupportedMediaType): (
        "text/plain",
        "Send multipart/form-data, or PUT the bytes of the file alone to buckets/../files/../.",
    ),
    ("file_put", drf.ValidationError): ({"x_checksum_sha256": [drf.ErrorDetail("Give 64 hex digits.", "invalid")]},),
    ("file_put", drf.UnsupportedMediaType): (
        "multipart/form-data",
        "Send the bytes of the file alone, or POST the form to file/upload/.",
    ),
    **{
        (name, own.UploadInProgress): BEING_COMPLETED
        for name in (
            *("upload_parts", "upload_parts_sign", "upload_complete"),
            *("uppy_parts", "uppy_complete", "uppy_arrived"),
        )
    },
    ("upload_parts_sign", drf.ValidationError): (
        {
            "part_numbers": [
                drf.ErrorDetail("Give part_numbers, or first and last, or missing=true: one of the three.", "required")
            ]
        },
    ),
    ("upload_complete", own.SizeMismatch): ("Parts have another size than planned: send 2 again, as planned.",),
    **{
        (name, drf.ValidationError): ({field: [drf.ErrorDetail("This field is required.", "required")]},)
        for name, field in (
            *(("uppy_params", "filename"), ("uppy_create", "filename")),
            *(("uppy_complete", "parts"), ("uppy_sign", "method")),
        )
    },
    ("uppy_sign_part", own.InvalidField): ("part_numbers", f"Give numbers from 1 to {MAX_PARTS}."),
    ("uppy_sign_parts", own.InvalidField): ("partNumbers", "Give numbers of parts, with a comma between."),
    **{
        (name, drf.ValidationError): ({"expires_in": [drf.ErrorDetail("A valid integer is required.", "invalid")]},)
        for name in ("uppy_token_create", "share_create")
    },
    **{
        (name, own.NotYourFile): ("Only its owner and staff share a file: ask one of them.",)
        for name in ("share_create", "share_list_of_file")
    },
    **{
        (name, own.NotYourFile): ("Only its owner and staff delete a file: ask one of them.",)
        for name in ("file_remove", "upload_delete")
    },
    ("share_follow", own.ShareNotFound): (
        "This link does not work, or no longer: ask whoever sent it to you for another.",
    ),
    ("file_get", drf.ValidationError): ({"proxy": [drf.ErrorDetail("Must be a valid boolean.", "invalid")]},),
    **{
        (name, drf.ValidationError): (
            {"page_size": [drf.ErrorDetail("Ensure this value is greater than or equal to 1.", "min_value")]},
        )
        for name in ("object_list", "upload_list", "uppy_token_list", "share_list", "share_list_of_file")
    },
}


def error_answers(operation: str) -> dict[int, OpenApiResponse]:
    """Return every error answer of an operation by status, with one example for each code.

    Args:
        operation: a key of `RAISED`.
    """
    examples: defaultdict[int, dict[str, OpenApiExample]] = defaultdict(dict)
    for kind in RAISED[operation]:
        status, body = _answered(operation, kind)
        code = body["code"]
        examples[status].setdefault(code, OpenApiExample(code, body, description=_when(kind)))
    return {
        status: OpenApiResponse(
            ErrorSerializer,
            description=_in_words(by_code),
            examples=list(by_code.values()),
        )
        for status, by_code in sorted(examples.items())
    }


def retry_after(answers: Mapping[int, OpenApiResponse]) -> OpenApiParameter:
    """Return the header of those among the error answers that have it.

    Args:
        answers: an operation's error answers, by status.
    """
    waiting = {*RETRIED, drf.Throttled.default_code}
    having = {status: waiting & {example.name for example in answer.examples} for status, answer in answers.items()}
    return OpenApiParameter(
        "Retry-After",
        int,
        OpenApiParameter.HEADER,
        description=f"Seconds to wait; with {_in_words(set().union(*having.values()))}.",
        response=[status for status, codes in having.items() if codes],
    )


class ErrorDescription(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """The body of every error."""

    target_class = ErrorSerializer

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """Return it with the codes of this version, and with room for those of later versions."""
        schema = super().map_serializer(auto_schema, direction)
        codes = {_answered(operation, kind)[1]["code"] for operation, kinds in RAISED.items() for kind in kinds}
        known = enum_component(auto_schema.registry, "S3ErrorCode", sorted(codes))
        del schema["properties"]["code"]["type"]
        schema["properties"]["code"]["anyOf"] = [known, {"type": "string"}]
        return schema


def _answered(operation: str, kind: type[Exception]) -> tuple[int, dict[str, Any]]:
    answer: Any = translate_error(kind(*MADE_OF_IN.get((operation, kind), MADE_OF[kind])))
    return answer.status_code, answer.detail


def _when(kind: type[Exception]) -> str:
    return (issubclass(kind, own.S3FileUploaderError) and kind.__doc__) or ""


def _in_words(codes: Iterable[str]) -> str:
    return ", ".join(f"`{code}`" for code in sorted(codes))
