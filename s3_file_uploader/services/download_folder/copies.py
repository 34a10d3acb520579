"""Remove saved copies from this server's disk: with their files, and when they are old."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from time import time

from ...conf import conf
from ...exceptions import S3FileUploaderError, StorageNotConfigured
from ...models import FileUpload, location_digest
from .index import SavedCopy, list_copies, remove_copies, remove_copy

logger = logging.getLogger(__name__)

BATCH = 500
DAY_SECONDS = 86_400


def remove_copy_of_file(*, bucket: str, file_name: str) -> None:
    """Remove the copy of a file that this host has; log a failure, because housekeeping tries again."""
    with suppress(StorageNotConfigured):
        folder = conf.download_folder
        try:
            remove_copy(folder, f"{bucket}/{file_name}")
        except (S3FileUploaderError, OSError) as error:
            logger.warning("The saved copy of a removed file stays until housekeeping: %s", error)


def remove_old_copies(*, dry_run: bool) -> int:
    """Remove copies that are older than S3_FILE_UPLOADER_DOWNLOAD_DAYS, or whose file is gone; return their number.

    Another host may have removed the file. A dry run counts the copies only.
    """
    removed = 0
    with suppress(StorageNotConfigured):
        folder = conf.download_folder
        try:
            for numbers in _find_old_copies(folder):
                removed += len(numbers)
                if not dry_run:
                    remove_copies(folder, numbers)
        except (S3FileUploaderError, OSError) as error:
            logger.warning("Saved copies wait for the next run: %s", error)
    return removed


def _find_old_copies(folder: Path) -> Iterator[list[int]]:
    last = 0
    while batch := list_copies(folder, after=last, limit=BATCH):
        last = batch[-1].number
        with_file = _find_with_file(batch)
        yield [copy.number for copy in batch if copy.number not in with_file or _is_old(copy)]


def _find_with_file(copies: Sequence[SavedCopy]) -> set[int]:
    """Return the numbers of the copies whose file has a record."""
    numbers = {location_digest(*copy.path.split("/", 1)): copy.number for copy in copies}
    records = FileUpload.objects.order_by().filter(location_digest__in=list(numbers))
    return {numbers[digest] for digest in records.values_list("location_digest", flat=True)}


def _is_old(copy: SavedCopy) -> bool:
    return conf.download_days is not None and copy.saved_at < time() - conf.download_days * DAY_SECONDS
