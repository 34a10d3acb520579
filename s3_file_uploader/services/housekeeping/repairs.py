"""Repair a disagreement between a record and its object, as the caller of the comparison chose.

    record without object     remove the record
    object changed            update the record
    object without record     add a record, or delete the object

Each repair claims the key, so that no request writes there meanwhile, and asks S3 once more under that claim. If the
process is killed then, it leaves a pending record that wrote nothing, and `recovery` removes that without a loss.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone

from ...conf import conf
from ...exceptions import ClaimLost, InvalidField, InvalidFileName, StorageTimeout
from ...models import BUSY, FileUpload, durable_transaction
from ...models.lease import claim_record, create_claimed, end_lease_in
from ...models.transitions import mark_stored, remove_record
from ...policy.names import validate_file_name
from ...s3.objects import delete_object, find_object
from ...signals import file_deleted, send_after_commit
from ...values import StoredObject
from ..audit.operation import Operation
from ..plan import is_direct_key
from ..recovery import WRITTEN_BY, describe_object, settle_on_error
from ..reports import Finding, Kind, Outcome
from ..scanning.scan import notify_stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Repairs:
    """The repairs that a comparison makes; by default none.

    Attributes:
        remove_records: remove records whose object is gone, as if their file was deleted.
        update_records: give records whose object another program changed the new size, ETag, type and SHA-256.
        adopt_for: give objects without a record one that belongs to this user.
        delete_objects_older_than: delete objects without a record that this app made and that are older.
        include_foreign_objects: delete objects that other programs made, too.
    """

    remove_records: bool = False
    update_records: bool = False
    adopt_for: AbstractBaseUser | None = None
    delete_objects_older_than: timedelta | None = None
    include_foreign_objects: bool = False

    def __post_init__(self) -> None:
        """Refuse a contradiction.

        Raises:
            InvalidField: objects without a record cannot be both adopted and deleted.
        """
        if self.adopt_for is not None and self.delete_objects_older_than is not None:
            raise InvalidField("adopt_for", "An object is adopted or deleted: ask for one of the two.")

    def choose_outcome(self, finding: Finding) -> Outcome:
        """Return the outcome that the repairs intend for a finding."""
        match finding.kind:
            case Kind.RECORD_WITHOUT_OBJECT if self.remove_records:
                return Outcome.RECORD_REMOVED
            case Kind.OBJECT_CHANGED if self.update_records and finding.etag:
                return Outcome.RECORD_UPDATED
            case Kind.OBJECT_WITHOUT_RECORD if self.adopt_for and _can_be_recorded(finding):
                return Outcome.OBJECT_ADOPTED
            case Kind.OBJECT_WITHOUT_RECORD if self._may_delete(finding):
                return Outcome.OBJECT_DELETED
        return Outcome.NOTHING

    def apply(self, outcome: Outcome, *, upload: FileUpload, stored: Any) -> None:
        """Bring the outcome about; change nothing if another request was faster.

        Args:
            outcome: from `choose_outcome`.
            upload: the record as read before S3 was asked; for an object without one, only bucket and file name.
            stored: the StoredObject, or None if it is gone.

        Raises:
            ClaimLost, FileExists: another request was faster, or the object has changed since.
            S3FileUploaderError: S3 could not.
        """
        match outcome:
            case Outcome.RECORD_REMOVED:
                _remove_record(upload)
            case Outcome.RECORD_UPDATED:
                _update_record(upload, stored)
            case Outcome.OBJECT_ADOPTED:
                _adopt_object(upload, stored, self.adopt_for)
            case Outcome.OBJECT_DELETED:
                _delete_stray(upload, stored)

    def _may_delete(self, finding: Finding) -> bool:
        age = self.delete_objects_older_than
        if age is None or finding.changed_at is None or finding.changed_at >= timezone.now() - age:
            return False
        # PostgreSQL does not store NUL, so such a key cannot be claimed.
        return (self.include_foreign_objects or bool(finding.made_here)) and "\0" not in finding.file_name


def is_made_here(key: str, stored: StoredObject) -> bool:
    """Return True if this app wrote an object, or a client with its URL; a copy of such an object looks the same."""
    return WRITTEN_BY in stored.metadata or is_direct_key(key)


def _can_be_recorded(finding: Finding) -> bool:
    """Return True if a record can hold it: other programs use other names, and some stores list folders."""
    with suppress(InvalidFileName):
        return bool(validate_file_name(finding.file_name) and finding.etag)
    return False


def _remove_record(upload: FileUpload) -> None:
    with Operation.on("record_remove", user=None, upload=upload):
        claim_record(upload, FileUpload.Status.PENDING)
        with settle_on_error(upload):
            _validate_unchanged(upload, None)
            with durable_transaction():
                remove_record(upload)
                send_after_commit(file_deleted, upload)


def _update_record(upload: FileUpload, stored: StoredObject) -> None:
    with Operation("record_update", user=None, bucket=upload.bucket, file_name=upload.file_name, size=stored.size):
        described = describe_object(upload, stored)
        claim_record(upload, FileUpload.Status.PENDING, even_attached=True)
        with settle_on_error(upload):
            _validate_unchanged(upload, stored)
            with durable_transaction():
                mark_stored(upload, **described)
                notify_stored(upload)


def _adopt_object(stray: FileUpload, stored: StoredObject, user: Any) -> None:
    with Operation("object_adopt", user=user, bucket=stray.bucket, file_name=stray.file_name, size=stored.size):
        described = describe_object(stray, stored)
        with _claim_stray(stray, user_id=user.pk, original_name=stray.file_name.rpartition("/")[2]) as upload:
            _validate_unchanged(upload, stored)
            with durable_transaction():
                mark_stored(upload, **described, adopted_at=timezone.now())
                notify_stored(upload)


def _delete_stray(stray: FileUpload, stored: StoredObject) -> None:
    with (
        Operation("object_delete", user=None, bucket=stray.bucket, file_name=stray.file_name, size=stored.size),
        _claim_stray(stray, user_id=None) as upload,
    ):
        _validate_unchanged(upload, stored)
        delete_object(**upload.s3_address, etag=stored.etag)


@contextmanager
def _claim_stray(stray: FileUpload, **values: Any) -> Iterator[FileUpload]:
    """Claim the key of an object with a pending record, and remove that after the block unless it was marked stored."""
    upload = create_claimed(bucket=stray.bucket, file_name=stray.file_name, **values)
    with ExitStack() as undo:
        undo.push(lambda _kind, error, _trace: _release(upload, error))
        yield upload


def _release(upload: FileUpload, error: BaseException | None) -> None:
    if isinstance(error, StorageTimeout):  # S3 may still carry out the call: hold the key until then.
        end_lease_in(upload, conf.read_timeout_seconds)
    elif upload.status == FileUpload.Status.PENDING:
        remove_record(upload)


def _validate_unchanged(upload: FileUpload, stored: StoredObject | None) -> None:
    if find_object(**upload.s3_address) != stored:
        raise ClaimLost(BUSY)
