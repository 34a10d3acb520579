"""Saved copies on this server's disk go with their files, and when they are old."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from time import time

from ...conf import conf
from ...exceptions import S3FileUploaderError, StorageNotConfigured
from ...models import FileUpload, location_digest
from .index import SavedCopy, copies_after, copies_remove, copy_remove, reservations_forget

logger = logging.getLogger(__name__)

BATCH = 500
DAY_SECONDS = 86_400


def copy_of_file_remove(*, bucket: str, file_name: str) -> None:
    """Remove the copy that this host has of a file; a failure is in the log, and housekeeping tries again."""
    with suppress(StorageNotConfigured):
        folder = conf.download_folder
        try:
            copy_remove(folder, f"{bucket}/{file_name}")
        except (S3FileUploaderError, OSError) as error:
            logger.warning("The saved copy of a removed file stays until housekeeping: %s", error)


def old_copies_remove(*, dry_run: bool) -> int:
    """Return how many copies are older than S3_FILE_UPLOADER_DOWNLOAD_DAYS, or of files that are gone; they go.

    Copies of files that another host removed are among them. In a dry run they stay.
    """
    removed = 0
    with suppress(StorageNotConfigured):
        folder = conf.download_folder
        try:
            for numbers in _old_copies(folder):
                removed += len(numbers)
                if not dry_run:
                    copies_remove(folder, numbers)
            if not dry_run:
                reservations_forget(folder)
        except (S3FileUploaderError, OSError) as error:
            logger.warning("Saved copies wait for the next run: %s", error)
    return removed


def _old_copies(folder: Path) -> Iterator[list[int]]:
    last = 0
    while batch := copies_after(folder, last, limit=BATCH):
        last = batch[-1].number
        of_files = _of_files(batch)
        yield [copy.number for copy in batch if copy.number not in of_files or _is_old(copy)]


def _of_files(copies: Sequence[SavedCopy]) -> set[int]:
    """Return the numbers of those whose file has a record."""
    digests = {location_digest(*copy.path.split("/", 1)): copy.number for copy in copies}
    there = FileUpload.objects.order_by().filter(location_digest__in=list(digests))
    return {digests[digest] for digest in there.values_list("location_digest", flat=True)}


def _is_old(copy: SavedCopy) -> bool:
    return conf.download_days is not None and copy.saved_at < time() - conf.download_days * DAY_SECONDS
