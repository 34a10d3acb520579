"""Remove the objects of file fields whose transaction was rolled back, or whose process was killed before its record.

Keys of a place begin with their time, so S3 lists the keys of the past weeks alone, whatever the size of the bucket. An
older object without a record is found by a comparison of the whole bucket.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.db import Error
from django.utils import timezone

from ...exceptions import ClaimLost, FileExists, S3FileUploaderError
from ...models import FileUpload, location_digest
from ...s3.objects import find_object, list_object_pages
from ..reports import Finding, Kind, Outcome
from ..storage_places import StoragePlace, build_file_id, find_places, get_id_time
from .repairs import Repairs, is_made_here

logger = logging.getLogger(__name__)

# A transaction may be open while its file is sent; no web server lets a request run for a day.
ROLLED_BACK_AFTER = timedelta(days=1)
LOOK_BACK = timedelta(days=30)
REPAIRS = Repairs()


def remove_rolled_back(
    *,
    older_than: timedelta,
    dry_run: bool,
    on_removed: Callable[[Finding], object],
    on_progress: Callable[[str, int, int], object],
) -> tuple[int, int]:
    """Remove the objects in the places of the storages that are older and have no record.

    Only objects that carry the mark of this app are removed, and only from a bucket that has records: the settings may
    name the database of another site.

    Returns:
        The number of removed objects, and the number of places that wait for the next run. Errors are in the log.
    """
    removed = waiting = 0
    until = timezone.now() - older_than
    for place in find_places():
        try:
            for finding in _remove_in(place, until, dry_run, on_progress):
                removed += 1
                on_removed(finding)
        except (S3FileUploaderError, Error) as error:
            logger.warning("Rolled back files in bucket %s wait for the next run: %s", place.bucket, error)
            waiting += 1
    return removed, waiting


def _remove_in(
    place: StoragePlace, until: datetime, dry_run: bool, on_progress: Callable[[str, int, int], object]
) -> Iterator[Finding]:
    if not FileUpload.objects.filter(bucket=place.bucket).exists():
        return
    after = f"{place.prefix}{build_file_id(until - LOOK_BACK)}"
    for page in list_object_pages(bucket=place.bucket, prefix=place.prefix, after=after):
        keys = [entry.file_name for entry in page if _is_due(place, entry.file_name, until)]
        digests = {location_digest(place.bucket, key): key for key in keys}
        recorded = FileUpload.objects.in_bulk(list(digests), field_name="location_digest")
        for digest in digests.keys() - recorded.keys():
            if finding := _remove(place.bucket, digests[digest], until, dry_run):
                yield finding
        on_progress("files of file fields", len(page), 0)


def _is_due(place: StoragePlace, key: str, until: datetime) -> bool:
    file_id = place.find_file_id(key)
    return file_id is not None and get_id_time(file_id) < until


def _remove(bucket: str, key: str, until: datetime, dry_run: bool) -> Finding | None:
    """Remove one object; return None if it is not ours, or another process was faster."""
    stored = find_object(bucket=bucket, key=key)
    if stored is None or not is_made_here(key, stored) or stored.changed_at >= until:
        return None
    if not dry_run:
        try:
            REPAIRS.apply(Outcome.OBJECT_DELETED, upload=FileUpload(bucket=bucket, file_name=key), stored=stored)
        except (ClaimLost, FileExists):
            return None
    return Finding(
        kind=Kind.FILE_ROLLED_BACK,
        bucket=bucket,
        file_name=key,
        size=stored.size,
        etag=stored.etag,
        changed_at=stored.changed_at,
        made_here=True,
        outcome=Outcome.OBJECT_DELETED,
    )
