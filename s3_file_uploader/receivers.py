"""What happens outside: a user is deleted, whose objects may have to go too; a file waits; a test changes a setting."""

import logging
import uuid
from functools import partial
from importlib import import_module
from typing import Any

from django.contrib.auth import get_user_model
from django.db import Error, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from . import services
from .conf import conf
from .exceptions import S3FileUploaderError
from .models import FileUpload, UsageLock
from .s3 import presign

logger = logging.getLogger(__name__)


def setting_forget(**kwargs: Any) -> None:
    """Read the settings anew for signatures and the health of S3; only `override_settings` says that one changed."""
    presign.settings_forget()
    services.storage_health_forget()


def scan_enqueue(sender: Any, upload: FileUpload, **kwargs: Any) -> None:
    """Have a task scan a file that waits, where the settings say which backend does such tasks."""
    if conf.scan_task_backend is not None:
        import_module(".scan_tasks", __package__).file_scan_enqueue(upload)


def user_lock(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
    """Keep new records of a user out until the transaction ends that deletes the user.

    PostgreSQL locks the row of the user for a moment when a record that names it is committed
    (https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS): that waits for the deletion, and fails
    after it. An upload under a quota takes the usage lock of its owner first, so the deletion does, too: in another
    order, each could wait for the other. SQLite has one writer at a time.

    Raises:
        django.db.models.ProtectedError: the user has files by now, and the setting protects them.
    """
    usage_locks = UsageLock.objects.using(using)
    usage_locks.take(instance.pk)
    list(get_user_model()._base_manager.using(using).select_for_update().filter(pk=instance.pk))
    if conf.when_user_deleted == "protect":
        files = FileUpload.objects.using(using).filter(user_id=instance.pk)
        if files.exists():
            raise ProtectedError("The user has files.", set(files))
    usage_locks.filter(pk=instance.pk).delete()


def user_files_mark(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
    """Mark the user's files as `deleting` in the transaction that deletes the user, and remove them once it commits.

    What S3 refuses then, and what is being written meanwhile, stays marked, without a user, until housekeeping ends
    it; so do direct uploads for as long as their URLs work. A rolled back deletion leaves everything as it was.
    """
    if conf.when_user_deleted != "delete":
        return
    files = FileUpload.objects.filter(user_id=instance.pk)
    direct = files.filter(status=FileUpload.Status.PENDING).exclude(strategy="")
    marked = [*files.whole().values_list("pk", flat=True), *direct.values_list("pk", flat=True)]
    files.whole().update(status=FileUpload.Status.DELETING, claimed_until=timezone.now(), status_reason="")
    files.filter(status=FileUpload.Status.REJECTED).delete()
    files.filter(status=FileUpload.Status.DELETING).update(status_reason="")  # Those that are just being rejected.
    direct.update(status=FileUpload.Status.DELETING, claimed_until=timezone.now(), claim_id=uuid.uuid4())
    # A new claim, so that whoever writes at this moment cannot call it stored; the time of the old one, so that
    # nobody removes the object before the last bytes have come.
    files.filter(status=FileUpload.Status.PENDING).update(status=FileUpload.Status.DELETING, claim_id=uuid.uuid4())
    transaction.on_commit(partial(_marked_files_remove, marked), using=using)


def _marked_files_remove(marked: list[Any]) -> None:
    for key in marked:
        try:
            services.record_delete(user=None, upload=FileUpload.objects.get(pk=key))
        except (S3FileUploaderError, FileUpload.DoesNotExist, Error):
            logger.warning("The file of record %s may outlive its user for now; housekeeping removes it.", key)
