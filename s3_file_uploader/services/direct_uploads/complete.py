"""A direct upload ends here: S3 is asked what arrived, and only what is whole becomes `stored`.

Every step can be repeated, and be done by several requests at once: one of them marks the record, the others find it
stored. Whoever finds that it was removed meanwhile removes the object, which can be nobody else's.
"""

import logging
from collections.abc import Callable, Collection, Iterator
from datetime import timedelta

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import Error
from django.db.models import Q
from django.utils import timezone

from ...exceptions import (
    Conflict,
    FileExists,
    InvalidInput,
    NotFound,
    PartsMissing,
    S3FileUploaderError,
    UploadNotPending,
)
from ...models import FileUpload, durable_transaction
from ...s3.client import bucket_check
from ...values import StoredObject
from ..audit.operation import Operation
from ..limits import get_upload_policy, reserve_quota
from ..lookup import not_rejected, own_upload_find, upload_not_found
from ..recovery import direct_remove, object_remove
from ..scanning.scan import arrived_scan, stored_tell
from .parts import NO_LONGER_PENDING
from .verify import UNWANTED, announced_check, contents_mismatch, object_arrived, object_there, shape_check

logger = logging.getLogger(__name__)

IN_ONE_REQUEST = (FileUpload.Strategy.PUT, FileUpload.Strategy.POST)
COMPLETED = (*FileUpload.WHOLE, FileUpload.Status.REJECTED)
# A client that lives completes its upload itself, at once.
TIME_TO_SAY_SO_SECONDS = 60
BATCH = 500


def upload_complete(
    *, user: AbstractBaseUser, upload_id: object, key: str | None = None, part_numbers: Collection[int] = ()
) -> FileUpload:
    """Ask S3 what arrived, finish the upload there, and mark the record stored; asked again, it answers the same.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html

    Args:
        user: who asks.
        upload_id: of a direct upload.
        key: the object key, where the client names that too.
        part_numbers: of the parts that make the file, where its size was not announced; by default all that S3 holds.

    Returns:
        The stored record.

    Raises:
        UploadNotFound: the user has none with that id.
        UploadNotPending: it is no direct upload, is being removed, or was given up by S3.
        UploadInProgress: another request is completing it; ask again.
        PartsMissing: not everything has arrived; send it, and ask again.
        SizeMismatch: of a part: send it again. Of the whole: it was removed.
        ContentTypeMismatch, ChecksumMismatch: other bytes arrived than were announced; they were removed.
        FileTooLarge, ContentTypeNotAllowed, QuotaExceeded: the policy does not allow it, or no longer; as well.
        BucketNotFound: another program removed it.
        FileRejected: a scanner found something in it; it was removed, and its record says what.
        FileExists: S3 refuses the key, of which a part is a file.
        StorageProblem: S3 could not; ask again.
    """
    upload = own_upload_find(user=user, upload_id=upload_id, key=key)
    with Operation.on("upload_complete", user=user, upload=upload):
        try:
            return record_complete(upload, part_numbers)
        except PartsMissing:
            bucket_check(upload.bucket, remembered_seconds=0)  # A HEAD does not tell that the bucket is missing.
            raise


def record_complete(upload: FileUpload, part_numbers: Collection[int] = ()) -> FileUpload:
    """Complete an upload whose record the caller holds; `upload_complete` has the errors."""
    if upload.status in COMPLETED:
        return not_rejected(upload)
    if upload.status != FileUpload.Status.PENDING or not upload.is_direct:
        raise UploadNotPending(NO_LONGER_PENDING)
    try:
        found = object_arrived(upload, part_numbers)
        upload.completion_keep()
        _verify(upload, found)
    except FileExists as error:
        return _decided_elsewhere(upload, error)
    arrived_scan(upload)
    return upload


def _verify(upload: FileUpload, found: StoredObject) -> None:
    """Mark the record stored; what is not what was announced, or not allowed, is removed."""
    try:
        checksum = announced_check(upload, found)
        mismatch = contents_mismatch(upload, found)
        _mark(upload, found, checksum, FileUpload.held(mismatch) if mismatch else {})
    except UNWANTED:
        direct_remove(upload)
        raise


def _mark(upload: FileUpload, found: StoredObject, checksum: str, held: dict[str, object]) -> None:
    """Mark the record stored; a size that nobody had announced is counted now, others have been from the beginning."""
    whole = {"size": found.size, "etag": found.etag, "checksum_sha256": checksum, "completed_at": timezone.now()}
    is_counted = upload.size is not None
    within = None if is_counted else reserve_quota(get_upload_policy(upload), found.size)
    with within(upload) if within else durable_transaction():
        upload.mark_arrived(**whole, **held)
        stored_tell(upload)


def _decided_elsewhere(upload: FileUpload, error: FileExists) -> FileUpload:
    there = FileUpload.objects.at(bucket=upload.bucket, file_name=upload.file_name).first()
    now = there if there and there.pk == upload.pk else None
    if now and now.status in COMPLETED:
        return not_rejected(now)
    if now and now.status == FileUpload.Status.PENDING and now.claim_id == upload.claim_id:
        raise error  # Nobody took it: S3 itself refuses the key.
    if there is None or (now and (now.is_direct or now.status == FileUpload.Status.DELETING)):
        object_remove(upload)  # What was removed may have been made anew by this request.
    raise UploadNotPending(NO_LONGER_PENDING) if now else upload_not_found()


# --- for clients that are gone ---------------------------------------------------------------------------------------


def arrived_complete(
    *, dry_run: bool = False, on_completed: Callable[[FileUpload], object] = lambda upload: None
) -> tuple[int, int]:
    """Complete what arrived whole though its client never said so: an app was killed, or it is Uppy, which never does.

    Uploads in parts only where S3 was asked to join them, and then this server, or S3, was killed: they may be one
    file already. Others expire.

    Args:
        dry_run: tell how many would be, by size and type alone, and change nothing.
        on_completed: called with each of them.

    Returns:
        How many were completed, and of how many S3 could not tell; the log says why.
    """
    completed = left = 0
    for upload in _waiting():
        try:
            if has_arrived(upload) if dry_run else bool(record_complete(upload)):
                completed += 1
                on_completed(upload)
        except (InvalidInput, NotFound, Conflict):
            continue  # Not there yet, or not what was announced and removed; or somebody was faster.
        except (S3FileUploaderError, Error) as error:
            logger.warning("Upload %s stays pending until the next run: %s", upload.pk, error)
            left += 1
    return completed, left


def has_arrived(upload: FileUpload) -> bool:
    """Tell whether housekeeping would complete it: S3 holds its size and type, and nobody else will say so.

    Raises:
        S3FileUploaderError: S3 could not tell.
    """
    if upload.status != FileUpload.Status.PENDING or not (upload.strategy in IN_ONE_REQUEST or upload.writable_until):
        return False
    found = object_there(upload)
    try:
        if found is not None:
            shape_check(upload, found)
    except UNWANTED:
        return False
    return found is not None


def _waiting() -> Iterator[FileUpload]:
    now = timezone.now()
    in_one_request = Q(strategy__in=IN_ONE_REQUEST)
    in_parts_being_joined = Q(strategy=FileUpload.Strategy.MULTIPART, writable_until__lt=now)
    waiting = FileUpload.objects.filter(
        in_one_request | in_parts_being_joined,
        status=FileUpload.Status.PENDING,
        created_at__lt=now - timedelta(seconds=TIME_TO_SAY_SO_SECONDS),
    ).order_by("pk")
    batch = list(waiting[:BATCH])
    while batch:
        yield from batch
        batch = list(waiting.filter(pk__gt=batch[-1].pk)[:BATCH])
