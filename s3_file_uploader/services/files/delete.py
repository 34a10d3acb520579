"""Remove a file: its object first, then its record."""

from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser

from ...exceptions import FileExists, UploadNotPending
from ...models import BUSY, FileUpload, durable_transaction
from ...signals import file_deleted, send_after_commit
from ..audit.operation import Operation
from ..direct_uploads.parts import NO_LONGER_PENDING, in_parts_check
from ..direct_uploads.verify import patience
from ..lookup import file_not_found, names_check, own_upload_find, owner_check, record_at, upload_find, upload_not_found
from ..recovery import object_remove, parts_remove, settled_on_error, taken_remove, upload_settle


def file_delete(*, user: AbstractBaseUser, owner: AbstractBaseUser | None = None, bucket: str, file_name: str) -> None:
    """Remove a file's object, then its record.

    A deletion that S3 interrupted is finished by asking again.

    Args:
        user: who asks.
        owner: whose file it must be, if that matters.
        bucket: where it lies.
        file_name: the object key.

    Raises:
        InvalidBucketName, InvalidFileName, BucketNotAllowed, FileNotFound: nothing for this user under that name.
        NotYourFile: the user may see it, and no more.
        FileExists: it is being written at this moment.
        StorageProblem: S3 could not.
    """
    names_check(user, bucket, file_name)
    records = FileUpload.objects.visible_to(user)
    owned = records if owner is None else records.filter(user_id=owner.pk)
    upload = record_at(owned, bucket=bucket, file_name=file_name)
    if upload is None:
        raise file_not_found()
    owner_check(user, upload, action="delete")
    if upload.status not in FileUpload.WHOLE and not upload.is_abandoned:
        raise FileExists(BUSY) if upload.was_stored else file_not_found()
    record_delete(user=user, upload=upload)


def upload_delete(*, user: AbstractBaseUser, upload_id: str | UUID) -> None:
    """Remove a file, abort a direct upload, or remove what a failed upload left, by the id of its record.

    Raises:
        UploadNotFound: there is none that the user may see.
        NotYourFile: the user may see it, and no more.
        FileExists: it is being written or removed at this moment.
        StorageProblem: S3 could not.
    """
    upload = upload_find(user=user, upload_id=upload_id)
    owner_check(user, upload, action="delete")
    record_delete(user=user, upload=upload)


def upload_abort(*, user: AbstractBaseUser, upload_id: object, key: str | None = None) -> None:
    """Give up a multipart upload on its way; one that was completed stays.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html

    Args:
        user: who asks.
        upload_id: of the record.
        key: the object key, where the client names that too.

    Raises:
        UploadNotFound: the user has none with that id.
        UploadNotPending: it is over.
        StorageProblem: S3 could not; ask again, or leave it to housekeeping.
    """
    upload = own_upload_find(user=user, upload_id=upload_id, key=key)
    in_parts_check(upload)
    with Operation.on("upload_abort", user=user, upload=upload):
        try:
            _joined_or_removed(upload)
        except FileExists as error:
            raise UploadNotPending(NO_LONGER_PENDING) from error


def record_delete(*, user: AbstractBaseUser | None, upload: FileUpload) -> None:
    """Remove the object of a record, then the record; for callers who hold the record and may do so.

    Raises:
        FileExists: another request is writing or removing it.
        StorageProblem: S3 could not; ask again.
    """
    with Operation.on("file_delete", user=user, upload=upload):
        if upload.status == FileUpload.Status.REJECTED:
            upload.forget()
            return
        if upload.status == FileUpload.Status.PENDING and upload.is_direct and _taken_from_client(upload):
            return
        if upload.status == FileUpload.Status.PENDING:
            upload_settle(upload=upload)
            if upload.status == FileUpload.Status.PENDING:
                return
        was_halfway = upload.status not in FileUpload.WHOLE
        upload.claim(FileUpload.Status.DELETING)
        with settled_on_error(upload):
            if was_halfway:  # Its user was deleted while it was being written: parts may be there.
                upload.late_parts_expect()
            if was_halfway or upload.multipart_upload_id:  # Or a crash had it begun twice, and nobody has looked since.
                parts_remove(upload)
            object_remove(upload)
            with durable_transaction():
                upload.forget()
                if upload.was_stored:
                    send_after_commit(file_deleted, upload)


def _joined_or_removed(upload: FileUpload) -> None:
    """Remove a pending direct upload; where S3 is being asked to join its parts, wait a little for what comes of it.

    A store that joins and aborts at the same time may keep some of it: the JuiceFS gateway keeps an empty folder.

    Raises:
        FileExists: it was completed or removed meanwhile.
        StorageProblem: S3 could not.
    """
    if not any(upload.claim_from_client(unless_joining=True) for _ in patience()):
        upload.claim_from_client()  # Whoever was at it was killed, most likely.
    taken_remove(upload)


def _taken_from_client(upload: FileUpload) -> bool:
    """Remove a pending direct upload, or tell that it was completed just now: then the file goes like any other."""
    try:
        _joined_or_removed(upload)
    except FileExists:
        try:
            upload.refresh_from_db()
        except FileUpload.DoesNotExist:
            raise upload_not_found() from None
        return False
    return True
