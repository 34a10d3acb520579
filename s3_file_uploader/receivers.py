"""Receivers of signals: a host deletes a user, a file enters quarantine, or a test overrides a setting."""

import logging
import uuid
from functools import partial
from importlib import import_module
from typing import Any

from django.contrib.auth import get_user_model
from django.db import Error, transaction
from django.db.models import ProtectedError

from . import services
from .conf import conf
from .exceptions import FileInUse, S3FileUploaderError
from .models import FileUpload, UsageLock
from .models.clock import shared_now
from .s3 import presign
from .services.storage_places import forget_places

logger = logging.getLogger(__name__)


def forget_settings(**kwargs: Any) -> None:
    """Drop what was cached from settings for signatures and health. Django sends this from `override_settings` only."""
    presign.forget_settings()
    services.storage_health_forget()
    forget_places()


def enqueue_scan(sender: Any, upload: FileUpload, **kwargs: Any) -> None:
    """Enqueue the scan of a file in quarantine, if the settings name a task backend."""
    if conf.scan_task_backend is not None:
        import_module(".scan_tasks", __package__).enqueue_file_scan(upload)


def lock_user(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
    """Block new records of a user until the transaction that deletes the user ends.

    PostgreSQL locks the row of a user while it inserts a record that references it
    (https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS). Such an insert waits for the deletion
    and then fails. An upload under a quota takes the usage lock of its owner before the row lock. The deletion takes
    both in the same order, because another order could deadlock. SQLite has only one writer at a time.

    Raises:
        django.db.models.ProtectedError: the user has files, and the setting is `protect`.
    """
    usage_locks = UsageLock.objects.using(using)
    usage_locks.take(instance.pk)
    list(get_user_model()._base_manager.using(using).select_for_update().filter(pk=instance.pk))
    if conf.when_user_deleted == "protect":
        files = FileUpload.objects.using(using).filter(user_id=instance.pk)
        if files.exists():
            raise ProtectedError("The user has files.", set(files))
    usage_locks.filter(pk=instance.pk).delete()


def mark_user_files(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
    """Mark the user's files as `deleting` in the transaction that deletes the user, and remove them once it commits.

    Three kinds of files stay marked, without a user, until housekeeping removes them: those that S3 refuses to delete,
    those of uploads in progress, and direct uploads whose URLs have not expired. A roll-back undoes all marks.
    """
    if conf.when_user_deleted != "delete":
        return
    # Attached files stay, without an owner, until nothing refers to them.
    files = FileUpload.objects.unattached().filter(user_id=instance.pk)
    direct = files.filter(status=FileUpload.Status.PENDING).exclude(strategy="")
    marked = [*files.whole().values_list("pk", flat=True), *direct.values_list("pk", flat=True)]
    files.whole().update(status=FileUpload.Status.DELETING, claimed_until=shared_now(), status_reason="")
    files.filter(status=FileUpload.Status.REJECTED).delete()
    # Files that a scanner is rejecting are `deleting` with a reason.
    files.filter(status=FileUpload.Status.DELETING).update(status_reason="")
    direct.update(status=FileUpload.Status.DELETING, claimed_until=shared_now(), claim_id=uuid.uuid4())
    # With a new claim id, a request that is writing now cannot mark its file as stored. The end of the claim stays, so
    # that housekeeping removes the object only after the last bytes arrived.
    files.filter(status=FileUpload.Status.PENDING).update(status=FileUpload.Status.DELETING, claim_id=uuid.uuid4())
    transaction.on_commit(partial(_remove_marked_files, marked), using=using)


def _remove_marked_files(marked: list[Any]) -> None:
    for key in marked:
        try:
            _remove_unless_referenced(FileUpload.objects.get(pk=key))
        except (S3FileUploaderError, FileUpload.DoesNotExist, Error):
            logger.warning("The file of record %s could not be removed with its user. Housekeeping removes it.", key)


def _remove_unless_referenced(upload: FileUpload) -> None:
    """Remove a marked file. It stays, without an owner, if a field of the host that attached nothing refers to it."""
    try:
        services.record_delete(user=None, upload=upload)
    except FileInUse:
        services.upload_settle(upload=upload)
