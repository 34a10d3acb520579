"""Make a record true again that a failure or a crash left half-way, by looking at what S3 holds.

    pending, first upload     the object that this claim wrote, if any, and the record go
    pending, direct           it has expired: its parts, the object and the record go
    pending, to overwrite     the old object is still there: stored as before; another is there: stored as it is now,
                              read and hashed; none is there: the record goes
    deleting                  the object and the record go; of an infected file the record stays, and says so

"Stored" is "in quarantine", where the object has not been found clean.

Only what the record explains is touched: an object that another program put under the key stays.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from django.db import Error
from django.utils import timezone

from ..conf import conf
from ..content_types.sniff import normalize_content_type
from ..exceptions import (
    BucketNotFound,
    FileNotFound,
    S3FileUploaderError,
    StorageAccessDenied,
    StorageTimeout,
    StorageUnavailable,
)
from ..models import FileUpload, durable_transaction
from ..s3.client import get_client
from ..s3.errors import storage_errors
from ..s3.multipart import multipart_abort, multipart_debris_remove
from ..s3.objects import object_head
from ..s3.transfer.object_reader import object_checksum
from ..signals import file_rejected, send_after_commit
from ..values import StoredObject
from .download_folder.copies import copy_of_file_remove
from .reports import Outcome

logger = logging.getLogger(__name__)

WRITTEN_BY = "upload-claim"
OBJECT_GOES = (Outcome.RECORD_AND_OBJECT_REMOVED, Outcome.FILE_REJECTED)


def upload_settle(*, upload: FileUpload) -> Outcome:
    """Settle a record whose claim has run out.

    Args:
        upload: pending or deleting; it is claimed for the time that this takes.

    Returns:
        What became of it.

    Raises:
        FileExists: another request was faster; it settles.
        StorageProblem: S3 cannot be asked; the record stays as it is, for the next try.
    """
    is_with_client = upload.is_direct and upload.status == FileUpload.Status.PENDING
    upload.claim_to_settle()
    with _free_again_on_error(upload):
        if is_with_client:
            upload.late_parts_expect()
        return _settle(upload)


def settlement_foresee(upload: FileUpload) -> Outcome:
    """Return what `upload_settle` would do now; nothing is changed.

    Raises:
        StorageProblem: S3 cannot be asked.
    """
    return _decided(upload, object_found(upload))


@contextmanager
def settled_on_error(upload: FileUpload) -> Iterator[None]:
    """Settle the record if the block fails; the block's own error goes on to the caller.

    After a time-out the call may still be carried out by S3, so the record keeps its key for as long as S3 may take.
    """
    with ExitStack() as undo:
        undo.push(lambda _kind, error, _trace: _settle_after(upload, error))
        yield
        undo.pop_all()


def _settle_after(upload: FileUpload, error: BaseException | None) -> None:
    try:
        upload.claim_renew()  # Whoever lost the claim touches nothing: the key may be another request's by now.
        upload.refresh_from_db()  # What we wrote in a transaction that failed is in memory alone.
        match error:
            case _ if upload.status in FileUpload.WHOLE:
                upload.mark_stored()  # The last step was committed, only the answer was lost: the claim ends.
            case StorageTimeout():
                upload.claim_end_in(conf.read_timeout_seconds)
            case StorageUnavailable():
                upload.claim_end_in(0)
            case StorageAccessDenied() if upload.status == FileUpload.Status.DELETING:
                if upload.was_stored and upload.user_id is not None and not upload.is_being_rejected:
                    upload.mark_stored()
                else:  # Its user is gone, it never was whole, or is infected: it stays marked until the right is given.
                    upload.claim_end_in(0)
            case _:
                with _free_again_on_error(upload):
                    _settle(upload)
    except (S3FileUploaderError, Error):
        logger.warning("Record %s stays half-way; whoever next wants its key, or housekeeping, settles it.", upload.pk)


@contextmanager
def _free_again_on_error(upload: FileUpload) -> Iterator[None]:
    with ExitStack() as undo:
        undo.callback(upload.claim_end_in, 0)
        yield
        undo.pop_all()


def _settle(upload: FileUpload) -> Outcome:
    parts_remove(upload)
    found = None if upload.status == FileUpload.Status.DELETING else object_found(upload)
    outcome = _decided(upload, found)
    if outcome == Outcome.RECORD_UPDATED and found:
        upload.mark_stored(**object_described(upload, found, on_progress=upload.claim_keep))
    elif outcome == Outcome.RECORD_KEPT:
        upload.mark_stored()
    else:
        if outcome in OBJECT_GOES or upload.is_direct:
            object_remove(upload)
        _forget(upload)
    return outcome


def _forget(upload: FileUpload) -> None:
    with durable_transaction():
        upload.forget()
        if upload.status == FileUpload.Status.REJECTED:
            send_after_commit(file_rejected, upload)


def _decided(upload: FileUpload, found: StoredObject | None) -> Outcome:
    if upload.status == FileUpload.Status.DELETING:
        return Outcome.FILE_REJECTED if upload.is_being_rejected else Outcome.RECORD_AND_OBJECT_REMOVED
    if upload.is_direct:
        return Outcome.RECORD_AND_OBJECT_REMOVED if found else Outcome.RECORD_REMOVED
    if upload.was_stored and found:
        return Outcome.RECORD_KEPT if found.etag == upload.etag else Outcome.RECORD_UPDATED
    if found and found.metadata.get(WRITTEN_BY) == str(upload.write_id):
        return Outcome.RECORD_AND_OBJECT_REMOVED
    return Outcome.RECORD_REMOVED


def direct_remove(upload: FileUpload) -> None:
    """Take a pending direct upload from its client: what S3 holds of it goes, then the record.

    Raises:
        FileExists: it was completed or removed meanwhile.
        StorageProblem: S3 could not; it is finished by whoever asks next, or by housekeeping.
    """
    upload.claim_from_client()
    taken_remove(upload)


def taken_remove(upload: FileUpload) -> None:
    """Remove what S3 holds of an upload that was taken from its client, then the record.

    Raises:
        StorageProblem: S3 could not; it is finished by whoever asks next, or by housekeeping.
    """
    with settled_on_error(upload):
        upload.late_parts_expect()
        all_remove(upload)


def all_remove(upload: FileUpload) -> None:
    """Remove what S3 holds under the key of a claimed record, then the record.

    Raises:
        StorageProblem: S3 could not.
    """
    parts_remove(upload)
    object_remove(upload)
    upload.forget()


def parts_remove(upload: FileUpload) -> None:
    """Abort the multipart uploads of a claimed record.

    Also the one that S3 no longer lists: it may have kept a part that came late.

    Raises:
        StorageProblem: S3 could not.
    """
    if upload.multipart_upload_id:
        multipart_abort(bucket=upload.bucket, key=upload.file_name, upload_id=upload.multipart_upload_id)
    multipart_debris_remove(bucket=upload.bucket, key=upload.file_name)


def object_remove(upload: FileUpload) -> None:
    """Delete the object of a record, and its copy on this server; that it, or its bucket, is gone already is as good.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html

    Raises:
        StorageProblem: S3 could not.
    """
    with suppress(FileNotFound, BucketNotFound), storage_errors():
        get_client().delete_object(Bucket=upload.bucket, Key=upload.file_name)
    copy_of_file_remove(bucket=upload.bucket, file_name=upload.file_name)


def object_found(upload: FileUpload) -> StoredObject | None:
    """Return what lies under the key of a record, or None.

    Raises:
        StorageProblem: S3 could not answer.
    """
    try:
        return object_head(bucket=upload.bucket, key=upload.file_name)
    except FileNotFound:
        return None


def object_described(
    upload: FileUpload, found: StoredObject, *, on_progress: Callable[[], object] = lambda: None
) -> dict[str, object]:
    """Read an object through, and return what its record has to say of it.

    Raises:
        StorageError, FileNotFound: it was changed or removed meanwhile.
        StorageProblem: S3 could not answer.
    """
    checksum = object_checksum(
        bucket=upload.bucket, key=upload.file_name, etag=found.etag, size=found.size, on_progress=on_progress
    )
    return {
        "size": found.size,
        "etag": found.etag,
        "content_type": normalize_content_type(found.content_type),
        "checksum_sha256": checksum,
        "completed_at": timezone.now(),
    }
