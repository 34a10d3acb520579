"""The parts of a direct multipart upload: which S3 holds, and where the others are to be sent."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import repeat

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone

from ...conf import conf
from ...exceptions import Conflict, FileExists, FileNotFound, InvalidField, UploadInProgress, UploadNotPending
from ...models import FileUpload
from ...s3 import presign
from ...s3.multipart import multipart_parts
from ...s3.objects import object_head
from ...values import MAX_PARTS, MIN_PART_BYTES, Part, SignedParts, StoredPart, UploadProgress
from ..audit.operation import Operation
from ..limits import has_limit, validate_parts
from ..lookup import own_upload_find
from ..plan import part_count_of, part_sizes
from .part_totals import parts_total_check

NO_LONGER_PENDING = "Nothing can be sent for this upload any more: look at its record, or start a new one."
NO_PARTS = "This upload has no parts: repeat the request that started it, to learn what to send."
BEING_COMPLETED = "The upload is being completed by another request: try again in a moment."
ADDED_UP_EACH = 32
GIVEN_UP_BY_S3 = "S3 has given up this upload: delete it and start a new one."


def upload_parts(*, user: AbstractBaseUser, upload_id: object, key: str | None = None) -> UploadProgress:
    """Return the parts that S3 holds of a pending upload, all pages of them, and the numbers of those to be sent.

    None are missing, and none are left, where a completion made the file of them but could not say so any more:
    complete it again.

    Args:
        user: who asks.
        upload_id: of a pending multipart upload.
        key: the object key, where the client names that too.

    Raises:
        UploadNotFound: the user has none with that id.
        UploadNotPending: it is over, or was not begun in parts.
        UploadInProgress: it is being completed.
        FileTooLarge, QuotaExceeded: the parts come to more than is allowed; the upload was removed.
        StorageProblem: S3 could not answer.
    """
    upload = own_upload_find(user=user, upload_id=upload_id, key=key)
    in_parts_check(upload)
    with Operation.on("upload_parts", user=user, upload=upload):
        return _progress(upload)


def upload_parts_sign(
    *, user: AbstractBaseUser, upload_id: object, part_numbers: Sequence[int] | None, key: str | None = None
) -> SignedParts:
    """Sign the URLs to which parts are sent by PUT, with no header but Content-Length; as often as they are wanted.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html

    Args:
        user: who asks.
        upload_id: of a pending multipart upload.
        part_numbers: 1 to the number of parts, in any order; None for all that S3 does not hold yet.
        key: the object key, where the client names that too.

    Raises:
        UploadNotFound, UploadNotPending, UploadInProgress: as `upload_parts`.
        InvalidField: there is no part of such a number.
        FileTooLarge, QuotaExceeded: the parts that S3 holds come to more than is allowed; the upload was removed. Or
            no file that is allowed has a part of such a number.
        StorageProblem: S3 could not answer.
    """
    upload = own_upload_find(user=user, upload_id=upload_id, key=key)
    in_parts_check(upload)
    with Operation.on("upload_parts_sign", user=user, upload=upload):
        if part_numbers is None:
            wanted: Sequence[int] = _progress(upload).missing
        else:
            wanted = part_numbers
            _numbers_check(upload, wanted)
            if _is_to_be_added_up(upload, wanted):
                _progress(upload)
            _reach_check(upload, wanted)
        return parts_sign(upload=upload, part_numbers=wanted)


def in_parts_check(upload: FileUpload) -> None:
    """Pass if parts can be sent.

    Raises:
        UploadNotPending: they cannot.
    """
    if upload.status != FileUpload.Status.PENDING:
        raise UploadNotPending(NO_LONGER_PENDING)
    if not upload.multipart_upload_id:
        raise UploadNotPending(NO_PARTS)


def parts_sign(*, upload: FileUpload, part_numbers: Iterable[int]) -> SignedParts:
    """Sign URLs for parts of an upload of which the caller knows that it is the user's; its time begins anew.

    Raises:
        UploadNotPending: it was completed or removed meanwhile.
    """
    _expiration_keep(upload)
    numbers = tuple(part_numbers)
    seconds = conf.direct_url_expiration_seconds
    # Signatures know whole seconds: none of these ends sooner.
    signed_at = timezone.now().replace(microsecond=0)
    offsets, sizes = _places(upload, numbers)
    urls = presign.presigned_part_urls(
        bucket=upload.bucket,
        key=upload.file_name,
        upload_id=upload.multipart_upload_id,
        part_numbers=numbers,
        part_sizes=sizes,
        expires_in_seconds=seconds,
    )
    places = repeat((None, None)) if sizes is None else zip(offsets, sizes, strict=True)
    parts = tuple([Part(number, url, *place) for number, url, place in zip(numbers, urls, places, strict=False)])
    return SignedParts(parts=parts, expires_at=signed_at + timedelta(seconds=seconds))


def parts_unknown(upload: FileUpload) -> Conflict:
    """Return the error for parts that S3 does not know, and of which it has made no object that can be seen."""
    if upload.may_become_an_object:
        return UploadInProgress(BEING_COMPLETED)
    return UploadNotPending(GIVEN_UP_BY_S3)


def _places(upload: FileUpload, numbers: Sequence[int]) -> tuple[list[int], list[int] | None]:
    """Return offset and size of each part; there are no sizes where that of the file was not announced."""
    size, part_size = upload.size, upload.part_size or 0
    if size is None:
        return [], None
    offsets = [(number - 1) * part_size for number in numbers]
    return offsets, [part_size if offset + part_size <= size else size - offset for offset in offsets]


def _expiration_keep(upload: FileUpload) -> None:
    """Give the client its time anew once half of it is over: a phone on a bad line may need days."""
    try:
        if _is_to_be_renewed(upload):
            upload.wait_for_client(conf.direct_expiration_seconds)
    except FileExists as error:
        raise UploadNotPending(NO_LONGER_PENDING) from error


def _is_to_be_renewed(upload: FileUpload) -> bool:
    seconds, until = conf.direct_expiration_seconds, upload.claimed_until
    end = upload.client_end(seconds)
    return until is None or (until < end and until - timezone.now() < timedelta(seconds=seconds / 2))


def _is_to_be_added_up(upload: FileUpload, numbers: Sequence[int]) -> bool:
    """Return True if S3 is to be asked for all parts: it lists 1,000 a call, so it is not asked for each URL.

    Uppy asks for one URL at a time. Each 32nd is enough to stop it early; what a client hides from this, the completion
    and housekeeping find.
    """
    if upload.size is not None:
        return False
    return any(number % ADDED_UP_EACH == 0 for number in numbers) and has_limit(upload)


def _progress(upload: FileUpload) -> UploadProgress:
    try:
        parts = multipart_parts(bucket=upload.bucket, key=upload.file_name, upload_id=upload.multipart_upload_id)
    except FileNotFound as error:
        if _is_object(upload):
            return UploadProgress(parts=(), missing=())
        raise parts_unknown(upload) from error
    parts_total_check(upload, parts)
    missing = _missing(upload, parts)
    if missing and upload.writable_until and _is_object(upload):  # S3 was killed before it had removed all parts.
        return UploadProgress(parts=(), missing=())
    return UploadProgress(parts=parts, missing=missing)


def _missing(upload: FileUpload, parts: Sequence[StoredPart]) -> tuple[int, ...]:
    if upload.size is None:
        return ()
    sizes = {part.part_number: part.size for part in parts}
    wanted = enumerate(part_sizes(size=upload.size, part_size=upload.part_size or 1), start=1)
    return tuple(number for number, size in wanted if sizes.get(number) != size)


def _is_object(upload: FileUpload) -> bool:
    try:
        object_head(bucket=upload.bucket, key=upload.file_name)
    except FileNotFound:
        return False
    return True


def _reach_check(upload: FileUpload, numbers: Sequence[int]) -> None:
    """Pass if a file that the policy allows may have parts of these numbers: of all parts, only the last may be small.

    A client may ask for URLs before it sends anything, so that no sum of what S3 holds finds it out.
    """
    if upload.size is None and numbers and has_limit(upload):
        validate_parts(upload, (max(numbers) - 1) * MIN_PART_BYTES + 1)


def _numbers_check(upload: FileUpload, numbers: Sequence[int]) -> None:
    count = MAX_PARTS if upload.size is None else part_count_of(size=upload.size, part_size=upload.part_size or 1)
    if numbers and not 1 <= min(numbers) <= max(numbers) <= count:
        raise InvalidField("part_numbers", f"Give numbers from 1 to {count}.")
