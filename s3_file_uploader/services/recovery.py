"""Recover a record that a failure or a crash left unfinished, by asking what S3 holds.

    pending, first upload     remove the record, and the object if this claim wrote it
    pending, direct           it has expired: remove its parts, the object and the record
    pending, to overwrite     the old object is there: stored as before; another object: describe that one anew;
                              no object: remove the record
    deleting                  remove the object and the record; the record of an infected file stays and says why
    deleting, referenced      stored as before: its user was deleted, but a field of the host refers to the file

"Stored" means "in quarantine" for an object that was not found clean. An object that another program wrote under the
key stays.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any
from uuid import UUID

from django.db import Error
from django.utils import timezone

from ..conf import conf
from ..content_types.sniff import normalize_content_type
from ..exceptions import (
    FileExists,
    S3FileUploaderError,
    StorageAccessDenied,
    StorageTimeout,
    StorageUnavailable,
)
from ..models import FileUpload, durable_transaction
from ..models.direct_transitions import expect_late_parts
from ..models.lease import claim_abandoned, end_lease_in, keep_lease, renew_lease
from ..models.transitions import mark_stored, remove_record
from ..s3.multipart import abort_multipart, abort_unfinished_uploads
from ..s3.objects import delete_object, find_object
from ..s3.transfer.object_reader import hash_object
from ..signals import file_rejected, send_after_commit
from ..values import CONDITIONAL_DELETES, StoredObject
from .download_folder.copies import remove_copy_of_file
from .references import is_referenced
from .reports import Outcome

logger = logging.getLogger(__name__)

WRITTEN_BY = "upload-claim"
Status = FileUpload.Status


def upload_settle(*, upload: FileUpload) -> Outcome:
    """Recover a record whose lease has expired.

    Args:
        upload: pending or deleting; it is claimed meanwhile.

    Returns:
        The outcome for record and object.

    Raises:
        ClaimLost: another request was faster, and recovers it.
        StorageProblem: S3 could not answer; the record stays as it is, for the next try.
    """
    is_with_client = upload.is_direct and upload.status == Status.PENDING
    claim_abandoned(upload)
    with _end_lease_on_error(upload):
        if is_with_client:
            expect_late_parts(upload)
        return _settle(upload)


def foresee_outcome(upload: FileUpload) -> Outcome:
    """Return the outcome of `upload_settle` without changing anything.

    Raises:
        StorageProblem: S3 could not answer.
    """
    return _choose_outcome(upload, find_object(**upload.s3_address))


@contextmanager
def settle_on_error(upload: FileUpload) -> Iterator[None]:
    """Recover the record if the block fails; the block's own error goes on to the caller.

    S3 may carry out a call after it timed out, so the record then holds its key for as long as S3 may take.
    """
    with ExitStack() as undo:
        undo.push(lambda _kind, error, _trace: _settle_after(upload, error))
        yield
        undo.pop_all()


def _settle_after(upload: FileUpload, error: BaseException | None) -> None:
    try:
        renew_lease(upload)  # Without the claim this request touches nothing: the key may be another request's.
        upload.refresh_from_db()  # The values of a rolled back transaction are in memory only.
        match error:
            case _ if upload.status in FileUpload.WHOLE:
                mark_stored(upload)  # The last step was committed and only its answer was lost: end the lease.
            case StorageTimeout():
                end_lease_in(upload, conf.read_timeout_seconds)
            case StorageUnavailable():
                end_lease_in(upload, 0)
            case StorageAccessDenied() if upload.status == Status.DELETING:
                if upload.was_stored and upload.user_id is not None and not upload.is_being_rejected:
                    mark_stored(upload)
                else:  # Without an owner, never whole, or infected: it stays marked until the right is granted.
                    end_lease_in(upload, 0)
            case _:
                with _end_lease_on_error(upload):
                    _settle(upload)
    except (S3FileUploaderError, Error):
        logger.warning("Record %s stays unfinished until its key is wanted again, or housekeeping runs.", upload.pk)


@contextmanager
def _end_lease_on_error(upload: FileUpload) -> Iterator[None]:
    with ExitStack() as undo:
        undo.callback(end_lease_in, upload, 0)
        yield
        undo.pop_all()


def _settle(upload: FileUpload) -> Outcome:
    remove_parts(upload)
    stored = find_object(**upload.s3_address) if upload.status != Status.DELETING or _is_kept(upload) else None
    outcome = _choose_outcome(upload, stored)
    if outcome == Outcome.RECORD_UPDATED and stored:
        mark_stored(upload, **describe_object(upload, stored, on_progress=partial(keep_lease, upload)))
    elif outcome == Outcome.RECORD_KEPT:
        mark_stored(upload)
    else:
        if outcome in (Outcome.RECORD_AND_OBJECT_REMOVED, Outcome.FILE_REJECTED) or upload.is_direct:
            remove_object(upload, seen=stored)
        remove_and_notify(upload)
    return outcome


def _is_kept(upload: FileUpload) -> bool:
    """Return True for a whole file that was marked with its deleted user, but to which a field of the host refers."""
    return upload.was_stored and not upload.is_being_rejected and is_referenced(upload.pk)


def _choose_outcome(upload: FileUpload, stored: StoredObject | None) -> Outcome:
    if upload.status == Status.DELETING:
        if stored and stored.etag == upload.etag and _is_kept(upload):
            return Outcome.RECORD_KEPT
        return Outcome.FILE_REJECTED if upload.is_being_rejected else Outcome.RECORD_AND_OBJECT_REMOVED
    if upload.is_direct:
        return Outcome.RECORD_AND_OBJECT_REMOVED if stored else Outcome.RECORD_REMOVED
    if upload.was_stored and stored:
        return Outcome.RECORD_KEPT if stored.etag == upload.etag else Outcome.RECORD_UPDATED
    if stored and _was_written_under(upload.write_id, stored):
        return Outcome.RECORD_AND_OBJECT_REMOVED
    return Outcome.RECORD_REMOVED


def describe_object(
    upload: FileUpload, stored: StoredObject, *, on_progress: Callable[[], object] = lambda: None
) -> dict[str, Any]:
    """Read an object to its end, and return the values that its record gets.

    Raises:
        StorageError, FileNotFound: the object was changed or removed meanwhile.
        StorageProblem: S3 could not answer.
    """
    checksum = hash_object(**upload.s3_address, etag=stored.etag, size=stored.size, on_progress=on_progress)
    return {
        "size": stored.size,
        "etag": stored.etag,
        "content_type": normalize_content_type(stored.content_type),
        "checksum_sha256": checksum,
        "completed_at": timezone.now(),
    }


# --- remove ----------------------------------------------------------------------------------------------------------


def remove_claimed(upload: FileUpload) -> None:
    """Remove the parts, the object and the record of an upload that was claimed from its client.

    Raises:
        StorageProblem: S3 could not; the next request or housekeeping finishes the removal.
    """
    with settle_on_error(upload):
        expect_late_parts(upload)
        remove_parts(upload)
        remove_object(upload)
        remove_record(upload)


def remove_and_notify(upload: FileUpload) -> None:
    """Remove a record whose object is gone; tell listeners if the file was rejected."""
    with durable_transaction():
        remove_record(upload)
        if upload.status == Status.REJECTED:
            send_after_commit(file_rejected, upload)


def remove_parts(upload: FileUpload) -> None:
    """Abort the multipart uploads of a claimed record.

    S3 may have kept a late part of a multipart upload that it no longer lists, so that one is aborted by its id.

    Raises:
        StorageProblem: S3 could not.
    """
    if upload.multipart_upload_id:
        abort_multipart(**upload.s3_address, upload_id=upload.multipart_upload_id)
    abort_unfinished_uploads(**upload.s3_address)


def remove_object(upload: FileUpload, *, seen: StoredObject | None = None) -> None:
    """Delete the object of a record, and its copy on this server; pass if the object, or its bucket, is gone already.

    If the store has conditional deletes, an object that another program wrote under the key stays. Only the URLs of a
    direct upload write under its key, so every object there is its own.

    Args:
        upload: the claimed record.
        seen: the object that was found under the key, if it was looked for.

    Raises:
        StorageProblem: S3 could not.
    """
    if upload.is_direct or not conf.store_can(CONDITIONAL_DELETES):
        delete_object(**upload.s3_address)
    else:
        _remove_own_object(upload, (seen or upload).etag)
    remove_copy_of_file(bucket=upload.bucket, file_name=upload.file_name)


def _remove_own_object(upload: FileUpload, etag: str) -> None:
    if etag:
        with suppress(FileExists):
            return delete_object(**upload.s3_address, etag=etag)
    stored = find_object(**upload.s3_address)
    if stored is None:
        return None
    if not (_was_written_under(upload.write_id, stored) or (etag and stored.etag == etag)):
        logger.warning("Bucket %s: another program replaced an object, so it stays: %s", *upload.s3_address.values())
        return None
    try:
        delete_object(**upload.s3_address, etag=stored.etag)
    except FileExists as error:
        raise StorageUnavailable("The object changes while it is being removed: try again in a moment.") from error


def _was_written_under(write_id: UUID, stored: StoredObject) -> bool:
    return stored.metadata.get(WRITTEN_BY) == str(write_id)
