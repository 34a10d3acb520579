"""Find the record of a file, or of an upload, for somebody who may know of it."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import QuerySet

from ..exceptions import FileNotFound, FileQuarantined, FileRejected, NotYourFile, UploadNotFound
from ..models import FileUpload, FileUploadQuerySet
from ..policy.names import bucket_name_check, file_name_check, file_name_spellings
from ..policy.users import bucket_allowed_check, is_staff
from .audit.trail import set_event_object
from .plan import direct_id
from .reports import Finding, Kind, Outcome


def file_find(*, user: AbstractBaseUser, bucket: str, file_name: str) -> FileUpload:
    """Return the record of a stored file.

    Raises:
        InvalidBucketName, InvalidFileName, BucketNotAllowed, FileNotFound: nothing for this user under that name.
        FileQuarantined: the scanners have not found it clean yet.
    """
    names_check(user, bucket, file_name)
    upload = record_at(FileUpload.objects.visible_to(user).whole(), bucket=bucket, file_name=file_name)
    if upload is None:
        raise file_not_found()
    if upload.status == FileUpload.Status.QUARANTINED:
        raise FileQuarantined(upload.status_reason or "The file is being scanned: try again in a moment.")
    return upload


def record_at(records: FileUploadQuerySet, *, bucket: str, file_name: str) -> FileUpload | None:
    """Return the record under a name as it is asked for, or else as it would have been stored (NFC)."""
    for spelling in file_name_spellings(file_name):
        if found := records.at(bucket=bucket, file_name=spelling).first():
            return found
    return None


def upload_find(*, user: AbstractBaseUser, upload_id: str | UUID) -> FileUpload:
    """Return a record by its id, whatever its status.

    Raises:
        UploadNotFound: there is none that the user may see.
    """
    set_event_object(object_id=upload_id)
    with suppress(ValueError):  # What is no UUID is nobody's id.
        upload = FileUpload.objects.visible_to(user).filter(pk=UUID(str(upload_id))).first()
        if upload is not None:
            set_event_object(bucket=upload.bucket, file_name=upload.file_name)
            return upload
    raise upload_not_found()


def own_upload_find(*, user: AbstractBaseUser, upload_id: object, key: str | None = None) -> FileUpload:
    """Return a record to act on: the user's own, or anybody's for staff. Who may see it may not yet send its bytes.

    Args:
        user: who asks.
        upload_id: of the record.
        key: the object key, where the client names that too; then both must fit.

    Raises:
        UploadNotFound: there is none.
    """
    set_event_object(object_id=upload_id)
    if user.pk is not None:  # Nobody is not the owner of the records that have lost theirs.
        owned = {} if is_staff(user) else {"user_id": user.pk}
        with suppress(ValueError, FileUpload.DoesNotExist):
            upload = FileUpload.objects.get(pk=UUID(str(upload_id)), **owned)
            if key in (None, upload.file_name):
                set_event_object(bucket=upload.bucket, file_name=upload.file_name)
                return upload
    raise upload_not_found()


def owner_check(user: AbstractBaseUser, upload: FileUpload, *, action: str) -> None:
    """Pass if the user owns the record or is staff; to see a record gives no right to change it.

    Args:
        user: who asks.
        upload: a record that the user may see.
        action: what the user wants to do with the file.

    Raises:
        NotYourFile: the user may only see it.
    """
    if not (is_staff(user) or upload.user_id == user.pk):
        raise NotYourFile(f"Only its owner and staff {action} a file: ask one of them.")


def upload_id_in(key: str) -> str:
    """Return the id that stands in the key of a direct upload, or something that is nobody's."""
    return direct_id(key) or ""


def upload_list(
    *,
    user: AbstractBaseUser,
    owner: AbstractBaseUser | None = None,
    bucket: str | None = None,
    status: str | None = None,
    content_type: str | None = None,
    file_name: str | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
) -> QuerySet[FileUpload]:
    """Return the records that the user may see, newest first; nothing is asked of the database yet.

    `owner`, `bucket`, `status` and `content_type` have an index each, in the order of the listing; of several the
    database uses one, or an index of owner and one more. `file_name` looks at every record that the others leave.

    Args:
        user: who asks.
        owner: whose records.
        bucket: in which bucket.
        status: pending, quarantined, stored, rejected or deleting.
        content_type: exactly this MIME type.
        file_name: a part of the object key; upper and lower case differ.
        created_after: aware; later than this.
        created_before: aware; earlier than this.
    """
    wanted = {
        "user_id": owner and owner.pk,
        "bucket": bucket,
        "status": status,
        "content_type": content_type,
        "file_name__contains": file_name,
        "created_at__gt": created_after,
        "created_at__lt": created_before,
    }
    narrowed = {name: value for name, value in wanted.items() if value is not None and value != ""}
    return FileUpload.objects.visible_to(user).filter(**narrowed)


def names_check(user: AbstractBaseUser, bucket: str, file_name: str) -> None:
    """Pass if both names can be, and the bucket is open to the user.

    Raises:
        InvalidBucketName, InvalidFileName, BucketNotAllowed: they are not.
    """
    set_event_object(bucket=bucket, file_name=file_name)
    bucket_name_check(bucket)
    file_name_check(file_name)
    bucket_allowed_check(user, bucket)


def not_rejected(upload: FileUpload) -> FileUpload:
    """Return the record, unless its file was removed for what it holds.

    Raises:
        FileRejected: it was.
    """
    if upload.status == FileUpload.Status.REJECTED:
        raise FileRejected(upload.status_reason)
    return upload


def upload_not_found() -> UploadNotFound:
    """Return the error for an upload that is gone or somebody else's: nobody can tell which."""
    return UploadNotFound("You have no upload with that id: look at the list of uploads.")


def file_not_found() -> FileNotFound:
    """Return the error for a file that is missing or somebody else's: nobody can tell which."""
    return FileNotFound("You have no stored file of that name in this bucket.")


def finding_of(upload: FileUpload, kind: Kind, outcome: Outcome = Outcome.NOTHING) -> Finding:
    """Return what a report says of a record; one that was never inserted has no id there."""
    return Finding(
        kind=kind,
        bucket=upload.bucket,
        file_name=upload.file_name,
        record_id=None if upload._state.adding else upload.pk,
        recorded_size=upload.size,
        recorded_etag=upload.etag,
        outcome=outcome,
    )
