"""A direct upload ends here: S3 is asked what arrived, and only what is whole becomes `stored`.

Every step can be repeated, and be done by several requests at once: one of them marks the record, the others find it
stored. Whoever finds that it was removed meanwhile removes the object, which can be nobody else's.
"""

import logging
from collections.abc import Iterator
from datetime import timedelta

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import Error
from django.utils import timezone

from .. import s3
from ..exceptions import (
    ChecksumMismatch,
    Conflict,
    ContentTypeMismatch,
    FileExists,
    InvalidInput,
    NotFound,
    PartsMissing,
    S3FileUploaderError,
    SizeMismatch,
    UploadNotPending,
)
from ..models import FileUpload, durable_transaction
from ..operations import Operation
from ..signals import after_commit, file_uploaded
from ..values import StoredObject
from .arrival import announced_check, object_arrived
from .parts import NO_LONGER_PENDING
from .records import own_upload_find, upload_not_found
from .settlement import direct_remove, object_remove

logger = logging.getLogger(__name__)

# A client that lives completes its upload itself, at once.
TIME_TO_SAY_SO_SECONDS = 60
BATCH = 500


def upload_complete(*, user: AbstractBaseUser, upload_id: object) -> FileUpload:
    """Ask S3 what arrived, finish the upload there, and mark the record stored; asked again, it answers the same.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html

    Returns:
        The stored record.

    Raises:
        UploadNotFound: the user has none with that id.
        UploadNotPending: it is no direct upload, is being removed, or was given up by S3.
        UploadInProgress: another request is completing it; ask again.
        PartsMissing: not everything has arrived; send it, and ask again.
        SizeMismatch: of a part: send it again. Of the whole: it was removed.
        ContentTypeMismatch, ChecksumMismatch: other bytes arrived than were announced; they were removed.
        BucketNotFound: another program removed it.
        FileExists: S3 refuses the key, of which a part is a file.
        StorageProblem: S3 could not; ask again.
    """
    upload = own_upload_find(user=user, upload_id=upload_id)
    with Operation("upload_complete", user=user, bucket=upload.bucket, file_name=upload.file_name, size=upload.size):
        try:
            return record_complete(upload)
        except PartsMissing:
            s3.bucket_check(upload.bucket, remembered=False)  # A HEAD does not tell that the bucket is missing.
            raise


def record_complete(upload: FileUpload) -> FileUpload:
    """Complete an upload whose record the caller holds; `upload_complete` has the errors."""
    if upload.status == FileUpload.Status.STORED:
        return upload
    if upload.status != FileUpload.Status.PENDING or not upload.is_direct:
        raise UploadNotPending(NO_LONGER_PENDING)
    try:
        found = object_arrived(upload)
        upload.completion_keep()
        described = _verified(upload, found)
        with durable_transaction():
            upload.mark_arrived(**described)
            after_commit(file_uploaded, upload)
    except FileExists as error:
        return _decided_elsewhere(upload, error)
    return upload


def _verified(upload: FileUpload, found: StoredObject) -> dict[str, object]:
    """Return what the record says from now on; what is not what was announced is removed."""
    try:
        checksum = announced_check(upload, found)
    except (SizeMismatch, ContentTypeMismatch, ChecksumMismatch):
        direct_remove(upload)
        raise
    return {"size": found.size, "etag": found.etag, "checksum_sha256": checksum, "completed_at": timezone.now()}


def _decided_elsewhere(upload: FileUpload, error: FileExists) -> FileUpload:
    there = FileUpload.objects.at(bucket=upload.bucket, file_name=upload.file_name).first()
    now = there if there and there.pk == upload.pk else None
    if now and now.status == FileUpload.Status.STORED:
        return now
    if now and now.status == FileUpload.Status.PENDING and now.claim_id == upload.claim_id:
        raise error  # Nobody took it: S3 itself refuses the key.
    if there is None or (now and (now.is_direct or now.status == FileUpload.Status.DELETING)):
        object_remove(upload)  # What was removed may have been made anew by this request.
    raise UploadNotPending(NO_LONGER_PENDING) if now else upload_not_found()


# --- for clients that are gone ---------------------------------------------------------------------------------------


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
