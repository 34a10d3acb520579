"""Complete a direct upload: ask S3 what arrived, and mark the record stored only if the file is whole.

Every step can be repeated, and several requests may do it at once: one of them marks the record, the others find it
stored. A request that finds the record removed meanwhile removes the object, which cannot belong to another upload.
"""

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Q
from django.utils import timezone

from ...exceptions import BucketNotFound, ClaimLost, PartsMissing, UploadInProgress, UploadNotPending
from ...models import FileUpload, FileUploadQuerySet, durable_transaction
from ...models.clock import shared_now
from ...models.direct_transitions import claim_from_client, keep_completion_lease
from ...models.lease import PENDING
from ...models.transitions import held_values, mark_stored
from ...s3.client import require_bucket
from ...s3.objects import find_object
from ...values import StoredObject
from ..audit.operation import Operation
from ..content_check import check_arrived_contents
from ..limits import get_upload_policy
from ..lookup import own_upload_find, raise_if_rejected, upload_not_found
from ..quota import reserve_quota
from ..recovery import remove_claimed, remove_object
from ..scanning.scan import notify_stored, scan_on_arrival
from .part_totals import try_each
from .parts import BEING_COMPLETED, NO_LONGER_PENDING
from .verify import UNWANTED, expect_arrival, find_arrived, validate_announced, validate_shape

IN_ONE_REQUEST = (FileUpload.Strategy.PUT, FileUpload.Strategy.POST)
COMPLETED = (*FileUpload.WHOLE, FileUpload.Status.REJECTED)
# A client that is alive completes its upload itself, at once.
TIME_TO_SAY_SO_SECONDS = 60


def upload_complete(
    *, user: AbstractBaseUser, upload_id: object, key: str | None = None, part_numbers: Collection[int] = ()
) -> FileUpload:
    """Finish an upload in S3, verify it, and mark its record stored; a repeated call returns the same.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html

    Args:
        user: who asks.
        upload_id: id of a direct upload.
        key: the object key, if the client names that too.
        part_numbers: the parts that make the file, if its size was not announced; by default all that S3 holds.

    Returns:
        The stored record.

    Raises:
        UploadNotFound: the user has no such upload.
        UploadNotPending: it is no direct upload, is being removed, or was given up by S3.
        UploadInProgress: another request is completing it; ask again.
        PartsMissing: the file or some parts are missing; send them, and ask again.
        SizeMismatch: a part has the wrong size and must be sent again, or the whole file has, and was removed.
        ContentTypeMismatch, ChecksumMismatch: other bytes arrived than were announced; they were removed.
        FileTooLarge, ContentTypeNotAllowed, QuotaExceeded: the policy does not allow the file; it was removed.
        BucketNotFound: another program removed the bucket.
        FileRejected: a scanner condemned the file; it was removed, and its record says why.
        FileExists: S3 refuses the key, because a part of it is the name of a file.
        StorageProblem: S3 could not; ask again.
    """
    upload = own_upload_find(user=user, upload_id=upload_id, key=key)
    with Operation.on("upload_complete", user=user, upload=upload) as operation:
        is_repeated = upload.status in COMPLETED
        try:
            completed = complete_record(upload, part_numbers)
        except (BucketNotFound, PartsMissing):
            # A HEAD does not tell that the bucket is missing, and uploads that start next have to know it.
            require_bucket(upload.bucket, remembered_seconds=0)
            raise
        operation.size = 0 if is_repeated else completed.size
        return completed


def complete_record(upload: FileUpload, part_numbers: Collection[int] = ()) -> FileUpload:
    """Complete the upload of a record that the caller has found; errors as `upload_complete`."""
    if upload.status in COMPLETED:
        return raise_if_rejected(upload)
    if upload.status != FileUpload.Status.PENDING or not upload.is_direct:
        raise UploadNotPending(NO_LONGER_PENDING)
    try:
        stored = find_arrived(upload, part_numbers)
        keep_completion_lease(upload)
        _verify(upload, stored)
    except ClaimLost:
        return _find_completed_elsewhere(upload)
    scan_on_arrival(upload)
    return upload


def _verify(upload: FileUpload, stored: StoredObject) -> None:
    """Mark the record stored, or remove a file that is not as announced or not allowed."""
    try:
        with expect_arrival(upload):
            checksum = validate_announced(upload, stored)
            mismatch = check_arrived_contents(upload, stored)
        _mark(upload, stored, checksum, held_values(mismatch) if mismatch else {})
    except UNWANTED:
        claim_from_client(upload)
        remove_claimed(upload)
        raise


def _mark(upload: FileUpload, stored: StoredObject, checksum: str, held: dict[str, Any]) -> None:
    """Mark the record stored; the quota counts a size now that was not announced, and others from the beginning."""
    values = {"size": stored.size, "etag": stored.etag, "checksum_sha256": checksum, "completed_at": timezone.now()}
    within = reserve_quota(get_upload_policy(upload), stored.size) if upload.size is None else None
    with within(upload) if within else durable_transaction():
        mark_stored(upload, only_if=PENDING, **values, **held)
        notify_stored(upload)


def _find_completed_elsewhere(upload: FileUpload) -> FileUpload:
    """Return the record that another request completed, or remove the object of an upload that it removed."""
    record = FileUpload.objects.at(bucket=upload.bucket, file_name=upload.file_name).first()
    same = record if record and record.pk == upload.pk else None
    if same and same.status in COMPLETED:
        return raise_if_rejected(same)
    if same and same.status == FileUpload.Status.PENDING and same.claim_id == upload.claim_id:
        raise UploadInProgress(BEING_COMPLETED)  # A replica of the database does not show the other request yet.
    if record is None or (same and (same.is_direct or same.status == FileUpload.Status.DELETING)):
        remove_object(upload)  # This request may have made the removed object anew.
    raise UploadNotPending(NO_LONGER_PENDING) if same else upload_not_found()


# --- for clients that are gone ---------------------------------------------------------------------------------------


def complete_arrived(
    *, dry_run: bool = False, on_completed: Callable[[FileUpload], object] = lambda upload: None
) -> tuple[int, int]:
    """Complete uploads that arrived whole but whose client never said so: its app was killed, or it is Uppy.

    An upload in parts qualifies only if S3 was asked to join them and a server was killed then, so that they may be one
    file already, or if its file is there: after the restore of an older database, the record does not say that the
    upload was completed. Others expire.

    Args:
        dry_run: count them by size and type alone, and change nothing.
        on_completed: called with each of them.

    Returns:
        The number of completed uploads, and the number of uploads that failed; the log says why.
    """
    attempt = has_arrived if dry_run else _complete_waiting
    return try_each(find_waiting().each_once(), attempt, on_completed)


def _complete_waiting(upload: FileUpload) -> bool:
    """Complete the upload; return False if its client never asked for it, so far as record and S3 say."""
    may_be_joined = upload.strategy in IN_ONE_REQUEST or upload.writable_until
    return bool((may_be_joined or has_arrived(upload)) and complete_record(upload))


def has_arrived(upload: FileUpload) -> bool:
    """Return True if housekeeping would complete the upload: S3 holds its size and type.

    Raises:
        S3FileUploaderError: S3 could not answer.
    """
    in_parts = upload.strategy == FileUpload.Strategy.MULTIPART and (upload.writable_until or upload.is_abandoned)
    if upload.status != FileUpload.Status.PENDING or not (upload.strategy in IN_ONE_REQUEST or in_parts):
        return False
    stored = find_object(**upload.s3_address)
    try:
        if stored is not None:
            validate_shape(upload, stored)
    except UNWANTED:
        return False
    return stored is not None


def find_waiting() -> FileUploadQuerySet:
    """Return the uploads whose clients have been silent for long enough."""
    now = shared_now()
    in_one_request = Q(strategy__in=IN_ONE_REQUEST)
    in_parts = Q(strategy=FileUpload.Strategy.MULTIPART)
    joined = in_parts & (Q(writable_until__lt=now) | Q(writable_until=None, claimed_until__lt=now))
    earliest = now - timedelta(seconds=TIME_TO_SAY_SO_SECONDS)
    return FileUpload.objects.filter(PENDING, in_one_request | joined, created_at__lt=earliest)
