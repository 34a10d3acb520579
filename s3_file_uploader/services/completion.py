"""A direct upload ends here: S3 is asked what arrived, and only what is whole becomes `stored`.

Every step can be repeated, and be done by several requests at once: one of them marks the record, the others find it
stored. Whoever finds that it was removed meanwhile removes the object, which can be nobody else's.
"""

import logging
from collections.abc import Collection, Iterator
from datetime import timedelta

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import Error
from django.utils import timezone

from .. import s3
from ..egress import object_checksum
from ..exceptions import (
    ChecksumMismatch,
    Conflict,
    ContentTypeMismatch,
    FileExists,
    FileNotFound,
    InvalidInput,
    NotFound,
    PartsMissing,
    S3FileUploaderError,
    SizeMismatch,
    UploadNotPending,
)
from ..models import FileUpload, durable_transaction
from ..multipart import multipart_complete, multipart_parts
from ..operations import Operation
from ..plans import part_sizes
from ..signals import after_commit, file_uploaded
from ..values import StoredObject, StoredPart
from .parts import NO_LONGER_PENDING
from .records import own_upload_find, upload_not_found
from .settlement import direct_remove, object_remove

logger = logging.getLogger(__name__)

NOTHING_ARRIVED = "The file has not arrived in S3: send it, then complete the upload again."
SHOWN_NUMBERS = 20
# A client that lives completes its upload itself, at once.
TIME_TO_SAY_SO_SECONDS = 60
BATCH = 500


def upload_complete(
    *, user: AbstractBaseUser, upload_id: object, key: str | None = None, part_numbers: Collection[int] | None = None
) -> FileUpload:
    """Ask S3 what arrived, finish the upload there, and mark the record stored; asked again, it answers the same.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html

    Args:
        user: who asks.
        upload_id: of a direct upload.
        key: the object key, where the client names that too.
        part_numbers: of the parts that make the file, where its size was not announced; None for all that S3 holds.

    Returns:
        The stored record.

    Raises:
        UploadNotFound: the user has none with that id.
        UploadNotPending: it is no direct upload, or is being removed.
        PartsMissing: not everything has arrived; send it, and ask again.
        SizeMismatch: of a part: send it again. Of the whole: it was removed.
        ContentTypeMismatch, ChecksumMismatch: other bytes arrived than were announced; they were removed.
        StorageProblem: S3 could not; ask again.
    """
    upload = own_upload_find(user=user, upload_id=upload_id, key=key)
    with Operation("upload_complete", user=user, bucket=upload.bucket, file_name=upload.file_name, size=upload.size):
        return record_complete(upload, part_numbers)


def record_complete(upload: FileUpload, part_numbers: Collection[int] | None = None) -> FileUpload:
    """Complete an upload whose record the caller holds; `upload_complete` has the errors."""
    if upload.status == FileUpload.Status.STORED:
        return upload
    if upload.status != FileUpload.Status.PENDING or not upload.is_direct:
        raise UploadNotPending(NO_LONGER_PENDING)
    try:
        upload.completion_keep()
        found = _arrived(upload, part_numbers)
        described = _verified(upload, found)
        with durable_transaction():
            upload.mark_arrived(**described, writable_until=_still_writable(upload))
            after_commit(file_uploaded, upload)
    except FileExists:
        return _decided_elsewhere(upload)
    return upload


def arrived_complete() -> tuple[int, int]:
    """Complete what arrived whole though its client never said so: an app was killed, or it is Uppy, which never does.

    Only uploads in one request: parts that nobody joins expire.

    Returns:
        How many were completed, and of how many S3 could not tell; the log says why.
    """
    completed = left = 0
    for upload in _sent_in_one_request():
        try:
            record_complete(upload)
            completed += 1
        except (InvalidInput, NotFound, Conflict):
            continue  # Not there yet, or not what was announced and removed; or somebody was faster.
        except (S3FileUploaderError, Error) as error:
            logger.warning("Upload %s stays pending until the next run: %s", upload.pk, error)
            left += 1
    return completed, left


def _sent_in_one_request() -> Iterator[FileUpload]:
    in_one = (FileUpload.Strategy.PUT, FileUpload.Strategy.POST)
    begun_before = timezone.now() - timedelta(seconds=TIME_TO_SAY_SO_SECONDS)
    waiting = FileUpload.objects.filter(
        status=FileUpload.Status.PENDING, strategy__in=in_one, created_at__lt=begun_before
    ).order_by("pk")
    batch = list(waiting[:BATCH])
    while batch:
        yield from batch
        batch = list(waiting.filter(pk__gt=batch[-1].pk)[:BATCH])


def _still_writable(upload: FileUpload) -> object:
    """Parts make no object any more; the URL of a put or post does as long as it works."""
    return None if upload.strategy == FileUpload.Strategy.MULTIPART else upload.writable_until


def _decided_elsewhere(upload: FileUpload) -> FileUpload:
    now = FileUpload.objects.filter(pk=upload.pk).first()
    if now is not None and now.status == FileUpload.Status.STORED:
        return now
    object_remove(upload)
    if now is None:
        raise upload_not_found()
    raise UploadNotPending(NO_LONGER_PENDING)


# --- what arrived ----------------------------------------------------------------------------------------------------


def _arrived(upload: FileUpload, part_numbers: Collection[int] | None) -> StoredObject:
    if upload.strategy == FileUpload.Strategy.MULTIPART:
        _parts_join(upload, part_numbers)
    try:
        return s3.object_head(bucket=upload.bucket, key=upload.file_name, with_checksum=True)
    except FileNotFound as error:
        raise PartsMissing(NOTHING_ARRIVED) from error


def _parts_join(upload: FileUpload, part_numbers: Collection[int] | None) -> None:
    where = {"bucket": upload.bucket, "key": upload.file_name, "upload_id": upload.multipart_upload_id}
    if not upload.multipart_upload_id:
        raise PartsMissing(NOTHING_ARRIVED)
    try:
        parts = _meant(upload, multipart_parts(**where), part_numbers)
        _parts_check(upload, parts, part_numbers)
        multipart_complete(**where, parts=parts)
    except FileNotFound:
        return  # Joined by an earlier request, or aborted: the object tells.


def _meant(
    upload: FileUpload, parts: tuple[StoredPart, ...], part_numbers: Collection[int] | None
) -> tuple[StoredPart, ...]:
    """Leave out what the client does not count as the file, as S3 does; a plan of ours counts more than its word."""
    if upload.size is not None or not part_numbers:
        return parts
    return tuple(part for part in parts if part.part_number in part_numbers)


def _parts_check(upload: FileUpload, parts: tuple[StoredPart, ...], part_numbers: Collection[int] | None) -> None:
    held = {part.part_number: part.size for part in parts}
    if upload.size is None:
        wanted = {number: held.get(number) for number in part_numbers or range(1, max(held, default=1) + 1)}
    else:
        wanted = dict(enumerate(part_sizes(size=upload.size, part_size=upload.part_size or 1), start=1))
    if missing := [number for number in wanted if number not in held]:
        raise PartsMissing(f"S3 does not hold all parts: send {_numbers(missing)}, then complete the upload again.")
    if wrong := [number for number, size in held.items() if wanted.get(number) != size]:
        raise SizeMismatch(f"Parts have another size than planned: send {_numbers(wrong)} again, as planned.")


def _numbers(numbers: list[int]) -> str:
    more = len(numbers) - SHOWN_NUMBERS
    return ", ".join(map(str, numbers[:SHOWN_NUMBERS])) + (f" and {more} more" if more > 0 else "")


def _verified(upload: FileUpload, found: StoredObject) -> dict[str, object]:
    """Return what the record says from now on.

    Raises:
        SizeMismatch, ContentTypeMismatch, ChecksumMismatch: the object is not what was announced, and is removed.
    """
    try:
        checksum = _compared(upload, found)
    except InvalidInput:
        direct_remove(upload)
        raise
    return {
        "size": found.size,
        "etag": found.etag,
        "checksum_sha256": checksum,
        "completed_at": timezone.now(),
    }


def _compared(upload: FileUpload, found: StoredObject) -> str:
    if upload.size is not None and found.size != upload.size:
        raise SizeMismatch(
            f"{upload.size} bytes were announced and {found.size} arrived: they were removed, start a new upload."
        )
    if found.content_type != upload.content_type:
        raise ContentTypeMismatch(
            f"The file arrived as {found.content_type!r} and not as {upload.content_type!r}: it was removed, start a "
            "new upload, and send the headers and fields as they were given to you."
        )
    if not upload.checksum_sha256:
        return found.checksum_sha256 or ""
    checksum = found.checksum_sha256 or object_checksum(
        bucket=upload.bucket,
        key=upload.file_name,
        etag=found.etag,
        size=found.size,
        on_progress=upload.completion_keep,
    )
    if checksum != upload.checksum_sha256:
        raise ChecksumMismatch(
            "The SHA-256 of what arrived is not the one you gave: it was removed, start a new upload."
        )
    return checksum
