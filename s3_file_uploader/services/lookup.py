"""Find the record of a file or of an upload for a user who may know of it."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import QuerySet

from ..exceptions import FileNotFound, FileQuarantined, FileRejected, NotYourFile, UploadNotFound
from ..models import FileUpload, FileUploadQuerySet
from ..policy.names import list_spellings, validate_bucket_name, validate_file_name
from ..policy.users import is_staff, validate_bucket_access
from .audit.trail import set_event_object
from .plan import find_direct_id


def file_find(*, user: AbstractBaseUser, bucket: str, file_name: str) -> FileUpload:
    """Return the record of a stored file.

    Raises:
        InvalidBucketName, InvalidFileName, BucketNotAllowed, FileNotFound: the user has no such file.
        FileQuarantined: it has not been found clean yet.
    """
    validate_names(user, bucket, file_name)
    upload = find_record(FileUpload.objects.visible_to(user).whole(), bucket=bucket, file_name=file_name)
    if upload is None:
        raise file_not_found()
    if upload.status == FileUpload.Status.QUARANTINED:
        raise FileQuarantined(upload.status_reason or "The file is being scanned: try again in a moment.")
    return upload


def find_record(records: FileUploadQuerySet, *, bucket: str, file_name: str) -> FileUpload | None:
    """Return the record of a name as given, else of the name as an upload would normalise it (NFC), else None."""
    for spelling in list_spellings(file_name):
        if upload := records.at(bucket=bucket, file_name=spelling).first():
            return upload
    return None


def upload_find(*, user: AbstractBaseUser, upload_id: str | UUID) -> FileUpload:
    """Return a record by its id, whatever its status.

    Raises:
        UploadNotFound: the user may see no such record.
    """
    return _find_by_id(FileUpload.objects.visible_to(user), upload_id)


def own_upload_find(*, user: AbstractBaseUser, upload_id: object, key: str | None = None) -> FileUpload:
    """Return a record that the user may change: the user's own, or any record for staff.

    Args:
        user: who asks; a user who may see a record may not always send its bytes.
        upload_id: id of the record.
        key: the object key, if the client names that too; it must be the record's.

    Raises:
        UploadNotFound: the user has no such upload.
    """
    records = FileUpload.objects.all()
    if user.pk is None:  # An anonymous user does not own the records that have lost their owner.
        records = records.none()
    elif not is_staff(user):
        records = records.filter(user_id=user.pk)
    return _find_by_id(records if key is None else records.filter(file_name=key), upload_id)


def _find_by_id(records: QuerySet[FileUpload], upload_id: object) -> FileUpload:
    set_event_object(object_id=upload_id)
    with suppress(ValueError):  # Treat a malformed UUID as "not found".
        if upload := records.filter(pk=UUID(str(upload_id))).first():
            set_event_object(bucket=upload.bucket, file_name=upload.file_name)
            return upload
    raise upload_not_found()


def validate_owner(user: AbstractBaseUser, upload: FileUpload, *, action: str) -> None:
    """Pass if the user owns the record or is staff; the right to see a record is no right to change it.

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
    """Return the id in the key of a direct upload, or an empty text."""
    return find_direct_id(key) or ""


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
    """Return the records that the user may see, newest first, as a query that has not run yet.

    `owner`, `bucket`, `status` and `content_type` each have an index in the order of the listing; the database uses one
    of them, or an index of owner and one more. `file_name` looks at every record that the other filters leave.

    Args:
        user: who asks.
        owner: owner of the records.
        bucket: name of the bucket.
        status: pending, quarantined, stored, rejected or deleting.
        content_type: exactly this MIME type.
        file_name: a part of the object key; case-sensitive.
        created_after: aware; later than this.
        created_before: aware; earlier than this.
    """
    filters = {
        "user_id": owner and owner.pk,
        "bucket": bucket,
        "status": status,
        "content_type": content_type,
        "file_name__contains": file_name,
        "created_at__gt": created_after,
        "created_at__lt": created_before,
    }
    given = {name: value for name, value in filters.items() if value not in (None, "")}
    return FileUpload.objects.visible_to(user).filter(**given)


def validate_names(user: AbstractBaseUser, bucket: str, file_name: str) -> None:
    """Pass if both names are valid and the bucket is open to the user.

    Raises:
        InvalidBucketName, InvalidFileName, BucketNotAllowed: they are not.
    """
    set_event_object(bucket=bucket, file_name=file_name)
    validate_bucket_name(bucket)
    validate_file_name(file_name)
    validate_bucket_access(user, bucket)


def raise_if_rejected(upload: FileUpload) -> FileUpload:
    """Return the record, unless a scanner condemned its file.

    Raises:
        FileRejected: the file was removed.
    """
    if upload.status == FileUpload.Status.REJECTED:
        raise FileRejected(upload.status_reason)
    return upload


def upload_not_found() -> UploadNotFound:
    """Return the error that hides if an upload is missing or belongs to another user."""
    return UploadNotFound("You have no upload with that id: look at the list of uploads.")


def file_not_found() -> FileNotFound:
    """Return the error that hides if a file is missing or belongs to another user."""
    return FileNotFound("You have no stored file of that name in this bucket.")
