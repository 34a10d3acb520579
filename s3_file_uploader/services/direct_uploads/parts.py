"""The parts of a direct multipart upload: list those that S3 holds, and sign URLs for the others."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import repeat

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone

from ...conf import conf
from ...exceptions import ClaimLost, Conflict, FileNotFound, InvalidField, UploadInProgress, UploadNotPending
from ...models import FileUpload
from ...models.clock import shared_now
from ...models.direct_transitions import client_lease_end, renew_client_lease
from ...s3 import presign
from ...s3.objects import find_object
from ...values import MAX_PARTS, MIN_PART_BYTES, Part, SignedParts, StoredPart, UploadProgress
from ..audit.operation import Operation
from ..limits import get_upload_policy
from ..lookup import own_upload_find
from ..plan import count_parts, part_sizes
from .part_totals import list_stored_parts, validate_parts, validate_parts_total

NO_LONGER_PENDING = "Nothing can be sent for this upload any more: look at its record, or start a new one."
NO_PARTS = "This upload has no parts: repeat the request that started it, to learn what to send."
BEING_COMPLETED = "The upload is being completed by another request: try again in a moment."
GIVEN_UP_BY_S3 = "S3 has given up this upload: delete it and start a new one."
ADD_UP_EVERY = 32


def upload_parts(*, user: AbstractBaseUser, upload_id: object, key: str | None = None) -> UploadProgress:
    """Return the parts that S3 holds of a pending upload, all pages of them, and the numbers of the missing parts.

    Both are empty if an earlier completion made the file but its answer was lost: complete the upload again.

    Args:
        user: who asks.
        upload_id: id of a pending multipart upload.
        key: the object key, if the client names that too.

    Raises:
        UploadNotFound: the user has no such upload.
        UploadNotPending: it has ended, or has no parts.
        UploadInProgress: another request is completing it.
        FileTooLarge, QuotaExceeded: the parts exceed a limit; the upload was removed.
        StorageProblem: S3 could not answer.
    """
    upload = own_upload_find(user=user, upload_id=upload_id, key=key)
    validate_in_parts(upload)
    with Operation.on("upload_parts", user=user, upload=upload):
        return _find_progress(upload)


def upload_parts_sign(
    *, user: AbstractBaseUser, upload_id: object, part_numbers: Sequence[int] | None, key: str | None = None
) -> SignedParts:
    """Sign the URLs to which parts are sent by PUT, with no header but Content-Length; as often as the client asks.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html

    Args:
        user: who asks.
        upload_id: id of a pending multipart upload.
        part_numbers: 1 to the number of parts, in any order; None for all parts that S3 does not hold yet.
        key: the object key, if the client names that too.

    Raises:
        UploadNotFound, UploadNotPending, UploadInProgress: as `upload_parts`.
        InvalidField: a part number is out of range.
        FileTooLarge, QuotaExceeded: the parts in S3 exceed a limit, and the upload was removed; or no allowed file has
            a part of such a number.
        StorageProblem: S3 could not answer.
    """
    upload = own_upload_find(user=user, upload_id=upload_id, key=key)
    validate_in_parts(upload)
    with Operation.on("upload_parts_sign", user=user, upload=upload):
        if part_numbers is None:
            return sign_parts(upload=upload, part_numbers=_find_progress(upload).missing)
        _validate_numbers(upload, part_numbers)
        if upload.size is None and part_numbers:
            _validate_unannounced(upload, part_numbers)
        return sign_parts(upload=upload, part_numbers=part_numbers)


def validate_in_parts(upload: FileUpload) -> None:
    """Pass if the client can send parts.

    Raises:
        UploadNotPending: it cannot.
    """
    if upload.status != FileUpload.Status.PENDING:
        raise UploadNotPending(NO_LONGER_PENDING)
    if not upload.multipart_upload_id:
        raise UploadNotPending(NO_PARTS)


def sign_parts(*, upload: FileUpload, part_numbers: Iterable[int]) -> SignedParts:
    """Sign URLs for parts of an upload that belongs to the user, and renew the client's lease.

    Raises:
        UploadNotPending: another request completed or removed the upload.
    """
    _keep_client_lease(upload)
    numbers = tuple(part_numbers)
    seconds = conf.direct_url_expiration_seconds
    # Signatures know whole seconds: no URL expires before this time and `seconds`.
    signed_at = timezone.now().replace(microsecond=0)
    offsets, sizes = _find_places(upload, numbers)
    urls = presign.presign_part_urls(
        **upload.s3_address,
        upload_id=upload.multipart_upload_id,
        part_numbers=numbers,
        part_sizes=sizes,
        expires_in_seconds=seconds,
    )
    places = repeat((None, None)) if sizes is None else zip(offsets, sizes, strict=True)
    parts = tuple([Part(number, url, *place) for number, url, place in zip(numbers, urls, places, strict=False)])
    return SignedParts(parts=parts, expires_at=signed_at + timedelta(seconds=seconds))


def unknown_parts_error(upload: FileUpload) -> Conflict:
    """Return the error for a multipart upload that S3 does not know and that left no object."""
    if upload.may_become_an_object:
        return UploadInProgress(BEING_COMPLETED)
    return UploadNotPending(GIVEN_UP_BY_S3)


def _find_places(upload: FileUpload, numbers: Sequence[int]) -> tuple[list[int], list[int] | None]:
    """Return offset and size of each part; sizes are None if the file's size was not announced."""
    size, part_size = upload.size, upload.part_size or 0
    if size is None:
        return [], None
    offsets = [(number - 1) * part_size for number in numbers]
    return offsets, [part_size if offset + part_size <= size else size - offset for offset in offsets]


def _keep_client_lease(upload: FileUpload) -> None:
    """Renew the client's lease once half of it is over: a phone on a bad line may need days."""
    try:
        end, until = client_lease_end(upload), upload.claimed_until
        half = timedelta(seconds=conf.direct_expiration_seconds / 2)
        if until is None or (until < end and until - shared_now() < half):
            renew_client_lease(upload)
    except ClaimLost as error:
        raise UploadNotPending(NO_LONGER_PENDING) from error


def _find_progress(upload: FileUpload) -> UploadProgress:
    try:
        parts = list_stored_parts(upload)
    except FileNotFound as error:
        if find_object(**upload.s3_address):
            return UploadProgress(parts=(), missing=())
        raise unknown_parts_error(upload) from error
    validate_parts_total(upload, parts)
    missing = _find_missing(upload, parts)
    if missing and upload.writable_until and find_object(**upload.s3_address):
        return UploadProgress(parts=(), missing=())  # S3 was killed before it had removed all parts.
    return UploadProgress(parts=parts, missing=missing)


def _find_missing(upload: FileUpload, parts: Sequence[StoredPart]) -> tuple[int, ...]:
    if upload.size is None:
        return ()
    sizes = {part.part_number: part.size for part in parts}
    planned = enumerate(part_sizes(size=upload.size, part_size=upload.part_size or 1), start=1)
    return tuple(number for number, size in planned if sizes.get(number) != size)


def _validate_numbers(upload: FileUpload, numbers: Sequence[int]) -> None:
    count = MAX_PARTS if upload.size is None else count_parts(size=upload.size, part_size=upload.part_size or 1)
    if numbers and not 1 <= min(numbers) <= max(numbers) <= count:
        raise InvalidField("part_numbers", f"Give numbers from 1 to {count}.")


def _validate_unannounced(upload: FileUpload, numbers: Sequence[int]) -> None:
    """Pass if an allowed file may have parts of these numbers; only the last part may be smaller than the minimum.

    A client may ask for URLs before it sends anything, so adding up the parts in S3 is not enough. S3 lists 1,000 parts
    a call and Uppy asks for one URL at a time, so the parts are added up at each 32nd part number. The completion and
    housekeeping find an upload that avoids these numbers.
    """
    policy = get_upload_policy(upload)
    if policy.max_file_bytes is None and policy.quota_bytes is None:
        return
    if any(number % ADD_UP_EVERY == 0 for number in numbers):
        _find_progress(upload)
    validate_parts(upload, (max(numbers) - 1) * MIN_PART_BYTES + 1)
