"""From what went wrong to what HTTP says: one status and one stable code each, and one shape of body.

    {"code": "bucket_not_found", "detail": "...", "errors": {"field": [{"code", "detail"}]}}

`errors` is there for validation alone, `limit` where a policy forbids the request: those of its fields that do.
`docs/reference/errors.md` lists the codes; a test compares both lists.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any, cast

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import Error
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions as drf

from .. import exceptions as own
from ..conf import conf
from .requests.body_guard import is_parse_error

# Leaves before their parents: the first that fits is taken.
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
# Django REST framework's own, where its code is not already the one of the contract.
DRF_CODES: tuple[tuple[type[drf.APIException], str], ...] = (
    (drf.ValidationError, "invalid"),
    (drf.ParseError, "invalid"),
    (drf.AuthenticationFailed, "not_authenticated"),
)
# A list of thousands may be wrong in each place: nobody reads an answer that is longer than what was sent.
ERRORS_A_FIELD = 10
UNREADABLE = "The body could not be read: send it again, whole and within the limits."
RETRIED = frozenset({"storage_unavailable", "database_unavailable", "upload_in_progress"})


class HTTPError(drf.APIException):
    """An error of this app, ready for the exception handler of the host."""

    def __init__(self, status: int, code: str, detail: str, **more: Any) -> None:
        """Take status and code from the table, the detail from the error, and what else the body has."""
        self.status_code = status
        self.detail = cast(Any, {**_told(code, detail), **more})
        if code in RETRIED:
            self.wait = conf.retry_after_seconds  # The default exception handler makes Retry-After of it.

    def get_codes(self) -> Any:
        """Return the codes; limits have none."""
        return self._in_words().get_codes()

    def get_full_details(self) -> Any:
        """Return texts and codes; limits are numbers and lists."""
        return self._in_words().get_full_details()

    def _in_words(self) -> drf.APIException:
        words = drf.APIException()
        words.detail = cast(Any, {name: told for name, told in cast(Any, self.detail).items() if name != "limit"})
        return words


def http_error(error: Exception) -> Exception:  # noqa: PLR0911 - one answer for each kind
    """Translate whatever a view raised; what has no place in the contract is returned as it is.

    Args:
        error: one of ours, of Django REST framework's or of Django's.

    Returns:
        An `APIException` whose `detail` has the one shape; DRF's own keep their class, status and headers.
    """
    match error:
        case own.S3FileUploaderError():
            status, code = next((status, code) for kind, status, code in STATUS_AND_CODE if isinstance(error, kind))
            return HTTPError(status, code, str(error), **_more(error, code))
        case Error():
            return HTTPError(*DATABASE_UNAVAILABLE, "The database did not take part: try again in a moment.")
        case Http404():
            return _shaped(drf.NotFound())
        case PermissionDenied():
            return _shaped(drf.PermissionDenied())
        case SuspiciousOperation() | UnreadablePostError() | RecursionError():
            return HTTPError(400, "invalid", UNREADABLE)
        case _ if is_parse_error(error):
            return HTTPError(400, "invalid", UNREADABLE)
        case drf.APIException():
            return _shaped(error)
    return error


def _more(error: own.S3FileUploaderError, code: str) -> dict[str, Any]:
    """Return what the body says besides code and detail."""
    if isinstance(error, own.InvalidField):
        return {"errors": {error.field: [_told(code, str(error))]}}
    return {"limit": dict(error.limit)} if error.limit else {}


def _shaped(error: drf.APIException) -> drf.APIException:
    code = next((code for kind, code in DRF_CODES if isinstance(error, kind)), error.default_code)
    if isinstance(error, drf.ValidationError):
        fields = {
            name: list(islice(_leaves(found), ERRORS_A_FIELD))
            for name, found in _by_field(error.get_full_details()).items()
        }
        error.detail = cast(Any, {**_told(code, _first(fields)), "errors": fields})
    else:
        error.detail = cast(Any, _told(code, str(error.detail)))
    return error


def _told(code: str, detail: str) -> dict[str, str]:
    """Return the pair as DRF keeps texts, fit for any JSON: what it echoes may hold half a character."""
    sendable = detail.encode("utf-8", "replace").decode()
    return {"code": drf.ErrorDetail(code, code), "detail": drf.ErrorDetail(sendable, code)}


def _by_field(details: Any) -> dict[str, Any]:
    return details if isinstance(details, dict) else {"non_field_errors": details}


def _leaves(details: Any) -> Iterator[dict[str, str]]:
    """Yield every `{"message", "code"}` of DRF's nested details, in our words."""
    match details:
        case {"message": str(message), "code": str(code)}:
            yield _told(str(code), str(message))
        case dict():
            for found in details.values():
                yield from _leaves(found)
        case _:
            for found in details:
                yield from _leaves(found)


def _first(fields: dict[str, list[dict[str, str]]]) -> str:
    name, found = next(iter(fields.items()))
    return f"{name}: {found[0]['detail']}"
