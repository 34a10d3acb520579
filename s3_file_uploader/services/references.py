"""The fields of the host that refer to files: mark a file as attached, and find out if anything still refers to it.

    attach      one conditional UPDATE in the host's transaction, before the reference is written
    delete      claims with `attached_at IS NULL` in its WHERE, so whichever comes second is refused

The row of the file is the lock: attaching, releasing and deleting each write it first, and look for references only
then. Foreign keys that are no `UploadField` do not attach a file, but a file with such a reference is not removed
either.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connections, router
from django.db.models import F, ForeignKey, Model, QuerySet
from django.utils import timezone

from ..exceptions import FileInUse, FileNotFound, FileQuarantined
from ..models import FileUpload, durable_transaction
from ..models.lease import IN_USE
from .storage_places import is_in_storage, is_named

NOT_CLEAN = "The file has not been found clean: wait for the scanners, or upload another."
NOT_STORED = "The file is not stored, or no longer: upload it again."


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key to files: of a model of the host, or of a through table.

    Attributes:
        key: the foreign key.
        field: the field that the host declared: `key` itself, or the many-to-many field that made the through table.
    """

    key: Any
    field: Any

    @property
    def attaches(self) -> bool:
        """Return True if the field is an `UploadField` or an `UploadsField`."""
        return hasattr(self.field, "cleanup")

    @property
    def is_exclusive(self) -> bool:
        """Return True if a file in this field may be in no other one."""
        return self.attaches and not self.field.shared

    def rows(self) -> QuerySet[Any]:
        """Return the rows of the table, whatever the host's own manager leaves out."""
        manager: QuerySet[Any] = self.key.model._base_manager.order_by()
        return manager

    def to(self, upload_id: Any) -> QuerySet[Any]:
        """Return the rows that refer to a file."""
        return self.rows().filter(**{self.key.attname: upload_id})


def list_references() -> Iterator[Reference]:
    """Yield each foreign key of the host to the records."""
    for relation in FileUpload._meta.get_fields(include_hidden=True):
        key: Any = getattr(relation, "field", None)
        if relation.auto_created and isinstance(key, ForeignKey) and not _is_own(key):
            yield Reference(key, _find_declared(key))


def _is_own(key: Any) -> bool:
    """Return True for the tables of this app, and for a model of the host that derives from the record."""
    return bool(key.model._meta.app_label == FileUpload._meta.app_label or key.remote_field.parent_link)


def _find_declared(key: Any) -> Any:
    owner: Any = key.model._meta.auto_created
    fields = owner._meta.local_many_to_many if owner else ()
    return next((field for field in fields if field.remote_field.through is key.model), key)


def list_unknown_tables() -> list[str]:
    """Return the tables that refer to the records although no installed app has them.

    An app that is missing in INSTALLED_APPS still has its tables, and its rows still need their files.
    """
    connection = connections[router.db_for_write(FileUpload)]
    models = apps.get_models(include_auto_created=True, include_swapped=True)
    known, records = {model._meta.db_table for model in models}, FileUpload._meta.db_table
    with connection.cursor() as cursor:
        unknown = set(connection.introspection.table_names(cursor)) - known
        relations = {table: connection.introspection.get_relations(cursor, table) for table in unknown}
    return sorted(table for table, keys in relations.items() if any(key[1] == records for key in keys.values()))


def is_referenced(upload_id: Any) -> bool:
    """Return True if any foreign key of the host refers to the file."""
    return any(reference.to(upload_id).exists() for reference in list_references())


def attach(*, upload_id: Any, shared: bool, besides: Model | None = None) -> None:
    """Mark a file as attached; the caller writes the reference in the same transaction.

    Args:
        upload_id: id of the record.
        shared: the new reference is content with others.
        besides: the host's row that gets the reference; those that it has already do not count.

    Raises:
        FileInUse: another field refers to it, or a file field by its name.
        FileQuarantined: the scanners have not found it clean.
        FileNotFound: it is not stored.
    """
    stored = FileUpload.objects.stored().filter(pk=upload_id)
    if stored.filter(attached_at=None).update(attached_at=timezone.now()):
        return
    if any(is_in_storage(*place) for place in stored.values_list("bucket", "file_name")):
        raise FileInUse(IN_USE)
    if not stored.update(attached_at=timezone.now()):
        is_held = FileUpload.objects.filter(pk=upload_id, status=FileUpload.Status.QUARANTINED).exists()
        raise FileQuarantined(NOT_CLEAN) if is_held else FileNotFound(NOT_STORED)
    validate_free(upload_id=upload_id, shared=shared, besides=besides)


def validate_free(*, upload_id: Any, shared: bool, besides: Model | None) -> None:
    """Pass if no field refers to the file that excludes another reference; arguments as `attach`.

    Raises:
        FileInUse: one does.
    """
    for reference in list_references():
        if reference.is_exclusive if shared else reference.attaches:
            rows = reference.to(upload_id)
            if isinstance(besides, reference.key.model):  # A child has the primary key of its parent, too.
                rows = rows.exclude(pk=getattr(besides, reference.key.model._meta.pk.attname))
            if rows.exists():
                raise FileInUse(IN_USE)


@contextmanager
def validate_unreferenced(upload: FileUpload) -> Iterator[None]:
    """Open the transaction in which a file is claimed to be removed.

    `attached_at` alone does not tell: SQL and `QuerySet.update()` write references that have not attached the file.

    Raises:
        FileInUse: a field refers to it.
    """
    address = upload.bucket, upload.file_name
    with durable_transaction():
        row = _lock(upload.pk)
        if is_referenced(upload.pk) or is_named(*address):
            raise FileInUse(IN_USE)
        if is_in_storage(*address):  # Django keeps the file of a row that was deleted.
            row.update(attached_at=None)
        yield


def release(upload_id: UUID) -> bool:
    """Mark a file as not attached if nothing refers to it; return False if it was left.

    Raises:
        RuntimeError: inside a transaction, whose references could still be rolled back.
    """
    with durable_transaction():
        return _clear(upload_id)


@contextmanager
def releasing(upload: FileUpload) -> Iterator[None]:
    """Open the transaction in which a file is released and claimed to be removed: a crash leaves no state between.

    Raises:
        FileInUse: something refers to it.
    """
    with durable_transaction():
        if not _clear(upload.pk):
            raise FileInUse(IN_USE)
        yield


def _clear(upload_id: UUID) -> bool:
    row = _lock(upload_id)
    return not is_referenced(upload_id) and bool(row.exclude(attached_at=None).update(attached_at=None))


def _lock(upload_id: UUID) -> QuerySet[FileUpload]:
    """Lock a record on every database by writing it, and return the query for it."""
    row = FileUpload.objects.filter(pk=upload_id)
    row.update(attached_at=F("attached_at"))
    return row
