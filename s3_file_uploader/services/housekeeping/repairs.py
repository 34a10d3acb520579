"""Make a record and its object agree again, because somebody said how.

    record without object     the record goes
    object changed            the record says what is there now
    object without record     it gets a record, or goes

Each claims the key, so that nobody writes there meanwhile, and asks S3 once more under that claim. A process that is
killed then leaves a pending record that wrote nothing: `settlement` ends it without a loss.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone

from ...conf import conf
from ...exceptions import BucketNotFound, FileExists, FileNotFound, InvalidField, InvalidFileName, StorageTimeout
from ...models import BUSY, FileUpload, durable_transaction
from ...policy.names import file_name_check
from ...s3.client import get_client
from ...s3.errors import storage_errors
from ...signals import file_deleted, send_after_commit
from ...values import CONDITIONAL_DELETES, StoredObject
from ..audit.operation import Operation
from ..plan import is_direct_key
from ..recovery import WRITTEN_BY, object_described, object_found, settled_on_error
from ..reports import Finding, Kind, Outcome
from ..scanning.scan import stored_tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Repairs:
    """What a comparison is to mend; by default nothing.

    Attributes:
        remove_records: records whose object is gone go, as if their file was deleted.
        update_records: records whose object another program changed take its size, ETag, type and SHA-256.
        adopt_for: objects without a record get one, and are this user's.
        delete_objects_older_than: objects without a record go, if this app made them and S3 says that they are older.
        include_foreign_objects: also delete the objects of other programs.
    """

    remove_records: bool = False
    update_records: bool = False
    adopt_for: AbstractBaseUser | None = None
    delete_objects_older_than: timedelta | None = None
    include_foreign_objects: bool = False

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            InvalidField: objects without a record are to be adopted and to be deleted.
        """
        if self.adopt_for is not None and self.delete_objects_older_than is not None:
            raise InvalidField("adopt_for", "An object is adopted or deleted: ask for one of the two.")

    def wanted(self, finding: Finding) -> Outcome:
        """Return what is to become of what was found."""
        match finding.kind:
            case Kind.RECORD_WITHOUT_OBJECT if self.remove_records:
                return Outcome.RECORD_REMOVED
            case Kind.OBJECT_CHANGED if self.update_records and finding.etag:
                return Outcome.RECORD_UPDATED
            case Kind.OBJECT_WITHOUT_RECORD if self.adopt_for and _can_be_recorded(finding):
                return Outcome.OBJECT_ADOPTED
            case Kind.OBJECT_WITHOUT_RECORD if self._may_go(finding):
                return Outcome.OBJECT_DELETED
        return Outcome.NOTHING

    def perform(self, outcome: Outcome, *, upload: FileUpload, found: Any) -> None:
        """Bring it about; nothing is changed where another request was faster.

        Args:
            outcome: what `wanted` said.
            upload: the record as it was before S3 was asked; of an object without one, its bucket and name alone.
            found: the StoredObject, or None where it is gone.

        Raises:
            FileExists: another request was faster, or what lies there is no longer what was found.
            S3FileUploaderError: S3 could not.
        """
        match outcome:
            case Outcome.RECORD_REMOVED:
                _record_remove(upload)
            case Outcome.RECORD_UPDATED:
                _record_update(upload, found)
            case Outcome.OBJECT_ADOPTED:
                _object_adopt(upload, found, self.adopt_for)
            case Outcome.OBJECT_DELETED:
                _object_delete(upload, found)

    def _may_go(self, finding: Finding) -> bool:
        age = self.delete_objects_older_than
        if age is None or finding.changed_at is None or finding.changed_at >= timezone.now() - age:
            return False
        # PostgreSQL keeps no NUL, so the key cannot be claimed.
        return (self.include_foreign_objects or bool(finding.made_here)) and "\0" not in finding.file_name


def is_made_here(key: str, found: StoredObject) -> bool:
    """Tell whether this app wrote an object, or let a client write it; a copy that somebody made looks the same."""
    return WRITTEN_BY in found.metadata or is_direct_key(key)


def _can_be_recorded(finding: Finding) -> bool:
    """Tell whether a record can say it: names of others may be none here, and some stores list folders."""
    with suppress(InvalidFileName):
        return bool(file_name_check(finding.file_name) and finding.etag)
    return False


def _record_remove(upload: FileUpload) -> None:
    with Operation.on("record_remove", user=None, upload=upload):
        upload.claim(FileUpload.Status.PENDING)
        with settled_on_error(upload):
            _still_check(upload, None)
            with durable_transaction():
                upload.forget()
                send_after_commit(file_deleted, upload)


def _record_update(upload: FileUpload, found: StoredObject) -> None:
    with Operation("record_update", user=None, bucket=upload.bucket, file_name=upload.file_name, size=found.size):
        described = object_described(upload, found)
        upload.claim(FileUpload.Status.PENDING)
        with settled_on_error(upload):
            _still_check(upload, found)
            with durable_transaction():
                upload.mark_stored(**described)
                stored_tell(upload)


def _object_adopt(stray: FileUpload, found: StoredObject, user: Any) -> None:
    with Operation("object_adopt", user=user, bucket=stray.bucket, file_name=stray.file_name, size=found.size):
        described = object_described(stray, found)
        with _claimed(stray, user_id=user.pk, original_name=stray.file_name.rpartition("/")[2]) as upload:
            _still_check(upload, found)
            with durable_transaction():
                upload.mark_stored(**described)
                stored_tell(upload)


def _object_delete(stray: FileUpload, found: StoredObject) -> None:
    with (
        Operation("object_delete", user=None, bucket=stray.bucket, file_name=stray.file_name, size=found.size),
        _claimed(stray, user_id=None) as upload,
    ):
        _still_check(upload, found)
        _delete(upload, found)


@contextmanager
def _claimed(stray: FileUpload, **values: Any) -> Iterator[FileUpload]:
    """Hold the key of an object by a pending record, which goes with the block unless it was marked stored."""
    upload = FileUpload.objects.claim_new(bucket=stray.bucket, file_name=stray.file_name, **values)
    with ExitStack() as undo:
        undo.push(lambda _kind, error, _trace: _let_go(upload, error))
        yield upload


def _let_go(upload: FileUpload, error: BaseException | None) -> None:
    if isinstance(error, StorageTimeout):  # S3 may still do what it was asked: nobody is to write there before.
        upload.claim_end_in(conf.read_timeout_seconds)
    elif upload.status == FileUpload.Status.PENDING:
        upload.forget()


def _still_check(upload: FileUpload, found: StoredObject | None) -> None:
    if object_found(upload) != found:
        raise FileExists(BUSY)


def _delete(upload: FileUpload, found: StoredObject) -> None:
    """Delete what was found; a store that can do so compares the ETag once more.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
    """
    condition: dict[str, Any] = {"IfMatch": found.etag} if conf.store_can(CONDITIONAL_DELETES) else {}
    with suppress(FileNotFound, BucketNotFound), storage_errors():
        get_client().delete_object(Bucket=upload.bucket, Key=upload.file_name, **condition)
