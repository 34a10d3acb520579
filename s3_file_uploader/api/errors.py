"""Translate errors to HTTP: each has one status and one stable code, and all bodies have one shape.

    {"code": "bucket_not_found", "detail": "...", "errors": {"field": [{"code", "detail"}]}}

Only errors of validation have `errors`. An error because of a policy has `limit`, the fields of the policy that forbid
the request. `docs/reference/errors.md` lists the codes, and a test compares both lists.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any, cast

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from rest_framework import exceptions as drf

from .. import exceptions as own
from ..conf import conf
from .requests.body_guard import list_parse_errors

# The first matching row applies, so subclasses precede their parents.
STATUS_AND_CODE: tuple[tuple[type[Exception], int, str], ...] = (
    (own.InvalidBucketName, 400, "invalid_bucket_name"),
    (own.InvalidFileName, 400, "invalid_file_name"),
    (own.InvalidField, 400, "invalid"),
    (own.ChecksumMismatch, 400, "checksum_mismatch"),
    (own.SizeMismatch, 400, "size_mismatch"),
    (own.ContentTypeMismatch, 400, "content_type_mismatch"),
    (own.PartsMissing, 400, "parts_missing"),
    (own.RequestTooSlow, 408, "request_too_slow"),
    (own.LengthRequired, 411, "length_required"),
    (own.RangeNotSatisfiable, 416, "range_not_satisfiable"),
    (own.FileRejected, 422, "file_rejected"),
    (own.IdempotencyKeyReused, 422, "idempotency_key_reused"),
    (own.NotYourFile, 403, "not_your_file"),
    (own.BucketOwnerMismatch, 403, "bucket_owner_mismatch"),
    (own.BucketNotAllowed, 403, "bucket_not_allowed"),
    (own.StorageAccessDenied, 403, "storage_access_denied"),
    (own.BucketNotFound, 404, "bucket_not_found"),
    (own.FileNotFound, 404, "file_not_found"),
    (own.UploadNotFound, 404, "upload_not_found"),
    (own.UploadTokenNotFound, 404, "upload_token_not_found"),
    (own.ShareNotFound, 404, "share_not_found"),
    (own.BucketExists, 409, "bucket_exists"),
    (own.BucketNotEmpty, 409, "bucket_not_empty"),
    (own.FileExists, 409, "file_exists"),
    (own.ClaimLost, 409, "file_exists"),
    (own.FileInUse, 409, "file_in_use"),
    (own.UploadInProgress, 409, "upload_in_progress"),
    (own.UploadNotPending, 409, "upload_not_pending"),
    (own.FileQuarantined, 409, "quarantined"),
    (own.PreconditionFailed, 412, "precondition_failed"),
    (own.FileTooLarge, 413, "file_too_large"),
    (own.ContentTypeNotAllowed, 415, "content_type_not_allowed"),
    (own.QuotaExceeded, 429, "quota_exceeded"),
    (own.StorageError, 502, "storage_error"),
    (own.StorageNotConfigured, 503, "storage_not_configured"),
    (own.StorageUnavailable, 503, "storage_unavailable"),
    (own.StorageTimeout, 504, "storage_timeout"),
    (own.DownloadFolderFull, 507, "download_folder_full"),
)
DATABASE_UNAVAILABLE = (503, "database_unavailable")
# Errors of Django REST framework whose own code is not the code of the contract.
DRF_CODES: tuple[tuple[type[drf.APIException], str], ...] = (
    (drf.ValidationError, "invalid"),
    (drf.ParseError, "invalid"),
    (drf.AuthenticationFailed, "not_authenticated"),
)
# Every entry of a long list may be invalid. This limit keeps the response shorter than such a request.
ERRORS_A_FIELD = 10
UNREADABLE = "The body could not be read. Send it again, complete and within the limits."
RETRIED = frozenset({"storage_unavailable", "database_unavailable", "upload_in_progress"})


class HTTPError(drf.APIException):
    """An error of this app, ready for the exception handler of the host."""

    def __init__(self, status: int, code: str, detail: str, **more: Any) -> None:
        """Set the status, the code and the detail, and add `more` to the body."""
        self.status_code = status
        self.detail = cast(Any, {**_build_detail(code, detail), **more})
        if code in RETRIED:
            self.wait = conf.retry_after_seconds  # The default exception handler sends it as Retry-After.

    def get_codes(self) -> Any:
        """Return the codes, without `limit`, which has none."""
        return self._drop_limit().get_codes()

    def get_full_details(self) -> Any:
        """Return texts and codes, without `limit`, which has numbers and lists."""
        return self._drop_limit().get_full_details()

    def _drop_limit(self) -> drf.APIException:
        error = drf.APIException()
        error.detail = cast(Any, {name: value for name, value in cast(Any, self.detail).items() if name != "limit"})
        return error


def translate_error(error: Exception) -> Exception:  # noqa: PLR0911 - one return for each kind
    """Translate an error that a view raised. Errors outside the contract are returned unchanged.

    Args:
        error: an error of this app, of Django REST framework or of Django.

    Returns:
        An `APIException` with a `detail` in the common shape. Errors of DRF keep their class, status and headers.
    """
    match error:
        case own.S3FileUploaderError():
            status, code = next((status, code) for kind, status, code in STATUS_AND_CODE if isinstance(error, kind))
            return HTTPError(status, code, str(error), **_build_extra_fields(error, code))
        case Error():
            return HTTPError(*DATABASE_UNAVAILABLE, "The database is unavailable. Try again in a moment.")
        case Http404():
            return _reshape(drf.NotFound())
        case PermissionDenied():
            return _reshape(drf.PermissionDenied())
        case SuspiciousOperation() | UnreadablePostError() | RecursionError():
            return HTTPError(400, "invalid", UNREADABLE)
        case _ if isinstance(error, list_parse_errors()):
            return HTTPError(400, "invalid", UNREADABLE)
        case drf.APIException():
            return _reshape(error)
    return error


def answer_error(request: HttpRequest, error: own.S3FileUploaderError) -> HttpResponse:
    """Return the response to a request whose view, outside of this API, raised an error of this app.

    Browsers get the message as text, other clients the body of this API.
    """
    translated = cast(HTTPError, translate_error(error))
    if "text/html" in request.headers.get("Accept", ""):
        return HttpResponse(str(error), "text/plain; charset=utf-8", translated.status_code)
    return JsonResponse(translated.detail, status=translated.status_code)


def _build_extra_fields(error: own.S3FileUploaderError, code: str) -> dict[str, Any]:
    """Return the fields of the body besides code and detail."""
    if isinstance(error, own.InvalidField):
        return {"errors": {error.field: [_build_detail(code, str(error))]}}
    return {"limit": dict(error.limit)} if error.limit else {}


def _reshape(error: drf.APIException) -> drf.APIException:
    code = next((code for kind, code in DRF_CODES if isinstance(error, kind)), error.default_code)
    if isinstance(error, drf.ValidationError):
        full: Any = error.get_full_details()
        by_field = full if isinstance(full, dict) else {"non_field_errors": full}
        fields = {name: list(islice(_flatten(details), ERRORS_A_FIELD)) for name, details in by_field.items()}
        error.detail = cast(Any, {**_build_detail(code, _describe_first(fields)), "errors": fields})
    else:
        error.detail = cast(Any, _build_detail(code, str(error.detail)))
    return error


def _build_detail(code: str, detail: str) -> dict[str, str]:
    """Return code and detail as DRF stores texts, valid in JSON even if DRF repeats a lone surrogate of the request."""
    encodable = detail.encode("utf-8", "replace").decode()
    return {"code": drf.ErrorDetail(code, code), "detail": drf.ErrorDetail(encodable, code)}


def _flatten(details: Any) -> Iterator[dict[str, str]]:
    """Yield each `{"message", "code"}` of DRF's nested details in the shape of this API."""
    match details:
        case {"message": str(message), "code": str(code)}:
            yield _build_detail(str(code), str(message))
        case dict():
            for nested in details.values():
                yield from _flatten(nested)
        case _:
            for nested in details:
                yield from _flatten(nested)


def _describe_first(fields: dict[str, list[dict[str, str]]]) -> str:
    name, details = next(iter(fields.items()))
    return f"{name}: {details[0]['detail']}"
