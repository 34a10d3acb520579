"""Remove a file: its object first, then its record."""

from contextlib import suppress
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser

from ...exceptions import ClaimLost, FileInUse, UploadNotPending
from ...models import BUSY, FileUpload, Within, durable_transaction
from ...models.direct_transitions import claim_from_client, expect_late_parts
from ...models.lease import claim_record, validate_unattached
from ...models.transitions import remove_record
from ...signals import file_deleted, send_after_commit
from ..audit.operation import Operation
from ..direct_uploads.parts import NO_LONGER_PENDING, validate_in_parts
from ..direct_uploads.verify import poll_attempts
from ..lookup import (
    file_not_found,
    find_record,
    own_upload_find,
    upload_find,
    upload_not_found,
    validate_names,
    validate_owner,
)
from ..recovery import remove_claimed, remove_object, remove_parts, settle_on_error, upload_settle
from ..references import is_referenced, release, releasing, validate_unreferenced


def file_delete(*, user: AbstractBaseUser, owner: AbstractBaseUser | None = None, bucket: str, file_name: str) -> None:
    """Remove a file's object, then its record.

    If S3 interrupts a deletion, a repeated call finishes it.

    Args:
        user: the caller.
        owner: the required owner of the file, if there is one.
        bucket: of the file.
        file_name: the object key.

    Raises:
        InvalidBucketName, InvalidFileName, BucketNotAllowed, FileNotFound: nothing for this user under that name.
        NotYourFile: the user may see it, and no more.
        FileInUse: it is attached.
        ClaimLost: it is being written at this moment.
        StorageProblem: S3 could not.
    """
    validate_names(user, bucket, file_name)
    records = FileUpload.objects.visible_to(user)
    owned = records if owner is None else records.filter(user_id=owner.pk)
    upload = find_record(owned, bucket=bucket, file_name=file_name)
    if upload is None:
        raise file_not_found()
    validate_owner(user, upload, action="delete")
    if upload.status not in FileUpload.WHOLE and not upload.is_abandoned:
        raise ClaimLost(BUSY) if upload.was_stored else file_not_found()
    record_delete(user=user, upload=upload)


def upload_delete(*, user: AbstractBaseUser, upload_id: str | UUID) -> None:
    """Remove a file, abort a direct upload, or remove what a failed upload left, by the id of its record.

    Raises:
        UploadNotFound: there is none that the user may see.
        NotYourFile: the user may see it, and no more.
        FileInUse: it is attached.
        ClaimLost: it is being written or removed at this moment.
        StorageProblem: S3 could not.
    """
    upload = upload_find(user=user, upload_id=upload_id)
    validate_owner(user, upload, action="delete")
    record_delete(user=user, upload=upload)


def upload_abort(*, user: AbstractBaseUser, upload_id: object, key: str | None = None) -> None:
    """Abort a pending multipart upload; a completed one stays.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html

    Args:
        user: the caller.
        upload_id: of the record.
        key: the object key, if the client sends it.

    Raises:
        UploadNotFound: the user has none with that id.
        UploadNotPending: it is over.
        StorageProblem: S3 could not; ask again, or leave it to housekeeping.
    """
    upload = own_upload_find(user=user, upload_id=upload_id, key=key)
    validate_in_parts(upload)
    with Operation.on("upload_abort", user=user, upload=upload):
        try:
            _remove_unless_joined(upload)
        except ClaimLost as error:
            raise UploadNotPending(NO_LONGER_PENDING) from error


def record_delete(*, user: AbstractBaseUser | None, upload: FileUpload, within: Within = validate_unreferenced) -> None:
    """Remove the object of a record, then the record; for callers who hold the record and may do so.

    Args:
        user: the caller, for the audit trail.
        upload: the record.
        within: opens the transaction of the claim, and raises FileInUse if a field of the host refers to the file.

    Raises:
        FileInUse: it is attached.
        ClaimLost: another request is writing or removing it.
        StorageProblem: S3 could not; ask again.
    """
    with Operation.on("file_delete", user=user, upload=upload):
        if upload.status == FileUpload.Status.REJECTED:
            with within(upload):
                validate_unattached(upload)
                remove_record(upload)
            return
        if upload.status == FileUpload.Status.PENDING and upload.is_direct and _take_from_client(upload):
            return
        if upload.status == FileUpload.Status.PENDING:
            upload_settle(upload=upload)
            if upload.status == FileUpload.Status.PENDING:
                return
        was_halfway = upload.status not in FileUpload.WHOLE
        claim_record(upload, FileUpload.Status.DELETING, within=within)
        remove_claimed_file(upload, was_halfway=was_halfway)


def remove_claimed_file(upload: FileUpload, *, was_halfway: bool = False) -> None:
    """Remove the object of a record that is claimed as `deleting`, then the record.

    Args:
        upload: the record.
        was_halfway: True if it was not whole before the claim.

    Raises:
        StorageProblem: S3 could not; the next deletion or housekeeping finishes it.
    """
    with settle_on_error(upload):
        if was_halfway:  # Its user was deleted while it was being written: parts may be there.
            expect_late_parts(upload)
        # A crash may have begun a second multipart upload that no process has removed yet.
        if was_halfway or upload.multipart_upload_id:
            remove_parts(upload)
        remove_object(upload)
        with durable_transaction():
            remove_record(upload)
            if upload.was_stored:
                send_after_commit(file_deleted, upload)


def upload_release(*, upload_id: UUID, cleanup: str) -> None:
    """Let go of an attached upload, unless something still refers to it.

    Args:
        upload_id: id of the record.
        cleanup: `delete` removes the file, `keep` leaves it to its owner.

    Raises:
        StorageProblem: S3 could not remove the file; housekeeping does.
    """
    upload = FileUpload.objects.filter(pk=upload_id, attached_at__isnull=False).first()
    if upload is None or is_referenced(upload_id):
        return
    if cleanup == "keep":
        release(upload_id)
        return
    # Another request may attach or remove it meanwhile.
    with suppress(FileInUse, ClaimLost):
        record_delete(user=None, upload=upload, within=releasing)


def _remove_unless_joined(upload: FileUpload) -> None:
    """Remove a pending direct upload; where S3 is being asked to join its parts, wait a little for what comes of it.

    A store that joins and aborts at the same time may keep some of it: the JuiceFS gateway keeps an empty folder.

    Raises:
        ClaimLost: it was completed or removed meanwhile.
        StorageProblem: S3 could not.
    """
    if not any(claim_from_client(upload, unless_joining=True) for _ in poll_attempts()):
        claim_from_client(upload)  # The process that held the lease was probably killed.
    remove_claimed(upload)


def _take_from_client(upload: FileUpload) -> bool:
    """Remove a pending direct upload; return False if a completion was faster, so its file remains to be deleted."""
    try:
        _remove_unless_joined(upload)
    except ClaimLost:
        try:
            upload.refresh_from_db()
        except FileUpload.DoesNotExist:
            raise upload_not_found() from None
        return False
    return True
