"""Compare the objects of a bucket with its records, in bounded memory, beside the running service.

    1. S3 lists the objects, a page at a time. The records of a page are looked up: objects without one, and objects
       that are not as their record says, are suspects. What has a record is noted in a set on disk.
    2. The records are read, a batch at a time, and looked up in that set: those that are not there are suspects.

Nothing leans on an order of keys, which stores and databases have each their own. What changed after the comparison
began does not count. Before a suspect is told, S3 is asked for that one object, and the database for its record, before
and after: where somebody claimed it in between, a request was at work, and nothing is wrong.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import Error, router
from django.utils import timezone

from ...exceptions import (
    FileExists,
    FileNotFound,
    S3FileUploaderError,
    StorageAccessDenied,
    StorageError,
    StorageProblem,
)
from ...models import FileUpload, location_digest
from ...policy.names import validate_bucket_name
from ...s3.objects import object_pages
from ...values import PAGE_KEYS, ListedObject, StoredObject
from ..lookup import finding_of
from ..recovery import object_found
from ..reports import ComparisonReport, ComparisonTally, Finding, Kind, Outcome
from .digest_set import DigestSet, digest_set
from .repairs import Repairs, is_made_here

if TYPE_CHECKING:
    from ...models.file_upload import FileUploadQuerySet

logger = logging.getLogger(__name__)

LOOKS_AT_ONCE = 8
Looked = StoredObject | StorageProblem | None


def bucket_compare(
    *,
    bucket: str,
    repairs: Repairs | None = None,
    dry_run: bool = False,
    on_finding: Callable[[Finding], object] | None = None,
    on_progress: Callable[[str, int, int], object] | None = None,
) -> ComparisonReport:
    """Find objects without record, records without object and changed objects; mend what `repairs` names.

    The memory it takes does not grow with the bucket; an object takes some 50 bytes in a temporary file. Any number of
    hosts may do it at once, beside the service.

    Args:
        bucket: its name.
        repairs: what is to be mended; by default nothing is.
        dry_run: tell what would be mended, and change nothing.
        on_finding: called with each, once it is mended.
        on_progress: called with what is looked at, "objects" or "records", with how many more were, and with how many
            there are, more or less.

    Returns:
        The figures, and the first of each kind. Errors are in the log; where S3 or the database could not go on,
        `is_whole` is False, and what was found before is true all the same.

    Raises:
        InvalidBucketName: it can be no bucket.
        OSError: there is no room for the temporary file.
    """
    validate_bucket_name(bucket)
    tally = ComparisonTally(on_finding)
    comparison = _Comparison(bucket, repairs or Repairs(), dry_run, tally)
    is_whole = False
    try:
        for kind, more in comparison.run():
            tally.counts[kind] += more
            if on_progress:
                on_progress(kind, more, comparison.expected)
        is_whole = True
    except (S3FileUploaderError, Error) as error:
        logger.warning("The comparison of bucket %s could not go on: %s", bucket, error)
    return tally.report(bucket=bucket, is_whole=is_whole)


class _Comparison:
    """One walk over a bucket's objects, then one over its records."""

    def __init__(self, bucket: str, repairs: Repairs, dry_run: bool, tally: ComparisonTally) -> None:
        self.expected = 0
        self._bucket, self._repairs, self._dry_run, self._tally = bucket, repairs, dry_run, tally
        self._began = timezone.now()

    def run(self) -> Iterator[tuple[str, int]]:
        """Yield "objects" or "records", and how many of them were looked at since."""
        whole = _records().whole().filter(bucket=self._bucket, completed_at__lt=self._began)
        self.expected = whole.count()
        self._is_known = _records().filter(bucket=self._bucket).exists()
        with digest_set() as seen, ThreadPoolExecutor(LOOKS_AT_ONCE, thread_name_prefix="s3-look") as self._lookers:
            for page in object_pages(bucket=self._bucket):
                self._objects_look_at(page, seen)
                yield "objects", len(page)
            for batch in _batches(whole):
                missing = seen.missing([upload.location_digest for upload in batch])
                self._records_confirm([upload for upload in batch if upload.location_digest in missing])
                yield "records", len(batch)

    def _objects_look_at(self, page: list[ListedObject], seen: DigestSet) -> None:
        listed = {location_digest(self._bucket, found.file_name): found for found in page}
        recorded = _at(listed)
        seen.add(recorded)
        self._strays_confirm(
            [
                FileUpload(bucket=self._bucket, file_name=found.file_name, location_digest=digest)
                for digest, found in listed.items()
                if digest not in recorded and self._is_old(found.changed_at)
            ]
        )
        self._records_confirm(
            [upload for digest, upload in recorded.items() if self._is_suspect(upload, listed[digest])]
        )

    def _is_suspect(self, upload: FileUpload, listed: ListedObject) -> bool:
        is_whole = upload.status in FileUpload.WHOLE and self._is_old(upload.completed_at)
        return is_whole and (listed.size, listed.etag) != (upload.size, upload.etag)

    def _is_old(self, changed_at: datetime | None) -> bool:
        return changed_at is not None and changed_at < self._began

    def _strays_confirm(self, strays: list[FileUpload]) -> None:
        there = self._look_at(strays)
        recorded = _at(stray.location_digest for stray in strays)
        for stray, found in zip(strays, there, strict=True):
            is_new = isinstance(found, StoredObject) and not self._is_old(found.changed_at)
            if found is not None and not is_new and stray.location_digest not in recorded:
                self._tell(Kind.OBJECT_WITHOUT_RECORD, stray, found)

    def _records_confirm(self, uploads: list[FileUpload]) -> None:
        there = self._look_at(uploads)
        recorded = _at(upload.location_digest for upload in uploads)
        for upload, found in zip(uploads, there, strict=True):
            if not _is_as_before(upload, recorded.get(upload.location_digest)):
                continue
            if found is None:
                self._tell(Kind.RECORD_WITHOUT_OBJECT, upload, found)
            elif isinstance(found, StorageProblem) or (found.size, found.etag) != (upload.size, upload.etag):
                self._tell(Kind.OBJECT_CHANGED, upload, found)

    def _look_at(self, uploads: list[FileUpload]) -> list[Looked]:
        return list(self._lookers.map(_looked_at, uploads))

    def _tell(self, kind: Kind, upload: FileUpload, found: Looked) -> None:
        if isinstance(found, StorageProblem):
            logger.warning("S3 does not say what lies at %s: %s", upload, found)
            self._tally.add(replace(finding_of(upload, Kind.NOT_LOOKED_AT), outcome=Outcome.LEFT))
            return
        finding = self._described(finding_of(upload, kind), found)
        outcome = Outcome.LEFT
        try:
            outcome = self._mended(finding, upload, found)
        finally:  # Told also where S3 is down by now.
            self._tally.add(replace(finding, outcome=outcome))

    def _mended(self, finding: Finding, upload: FileUpload, found: StoredObject | None) -> Outcome:
        wanted = self._repairs.wanted(finding)
        if self._dry_run:
            return wanted
        try:
            self._repairs.perform(wanted, upload=upload, found=found)
        except (FileExists, FileNotFound):
            return Outcome.OVERTAKEN
        except (StorageAccessDenied, StorageError) as error:
            logger.warning("%s stays as it is until the next run: %s", upload, error)
            return Outcome.LEFT
        return wanted

    def _described(self, finding: Finding, found: StoredObject | None) -> Finding:
        if found is None:
            return finding
        # A database that knows nothing of the bucket may be the wrong one.
        made_here = self._is_known and is_made_here(finding.file_name, found)
        return replace(finding, size=found.size, etag=found.etag, changed_at=found.changed_at, made_here=made_here)


def _records() -> "FileUploadQuerySet":
    """Return all of them, where they are written: a copy of the database that lags behind would raise false alarms."""
    return FileUpload.objects.using(router.db_for_write(FileUpload))


def _at(digests: Iterable[str]) -> dict[str, FileUpload]:
    return _records().in_bulk(list(digests), field_name="location_digest")


def _batches(uploads: "FileUploadQuerySet") -> Iterator[list[FileUpload]]:
    """Yield them in the order of the index of buckets, newest first; those of one moment have a query to themselves."""
    batch = list(uploads[:PAGE_KEYS])
    while batch:
        yield batch
        last = batch[-1]
        same_moment = uploads.filter(created_at=last.created_at, pk__lt=last.pk)
        batch = list(same_moment[:PAGE_KEYS]) or list(uploads.filter(created_at__lt=last.created_at)[:PAGE_KEYS])


def _looked_at(upload: FileUpload) -> Looked:
    """Return what S3 says of one object, in a thread of its own; what it refuses for one need not stop the others."""
    try:
        return object_found(upload)
    except (StorageAccessDenied, StorageError) as error:
        return error


def _is_as_before(upload: FileUpload, now: FileUpload | None) -> bool:
    return now is not None and (now.pk, now.status, now.claim_id) == (upload.pk, upload.status, upload.claim_id)
