"""When a user is deleted and S3_FILE_UPLOADER_WHEN_USER_DELETED says `delete`: the objects go too."""

import logging
from functools import partial
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone

from . import services
from .conf import conf
from .exceptions import S3FileUploaderError
from .models import FileUpload

logger = logging.getLogger(__name__)


def user_files_mark(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
    """Mark the user's files as `deleting` in the transaction that deletes the user, and remove them once it commits.

    What S3 refuses then stays marked, without a user, until housekeeping ends it; a rolled back deletion leaves
    everything as it was.
    """
    if conf.when_user_deleted != "delete":
        return
    files = FileUpload.objects.stored().filter(user_id=instance.pk)
    marked = list(files.values_list("pk", flat=True))
    files.update(status=FileUpload.Status.DELETING, claimed_until=timezone.now())
    transaction.on_commit(partial(_marked_files_remove, marked), using=using)


def _marked_files_remove(marked: list[Any]) -> None:
    for upload in FileUpload.objects.filter(pk__in=marked):
        try:
            services.record_delete(user=None, upload=upload)
        except (S3FileUploaderError, DatabaseError):
            logger.warning("The file of record %s outlives its user for now; housekeeping removes it.", upload.pk)
