"""Compare the objects of a bucket with its records, in bounded memory, beside the running service.

    1. S3 lists the objects, a page at a time, and the database finds their records. An object without a record, or
       that differs from its record, is a suspect. The digests of objects with a record go into a set on disk.
    2. The database lists the records, a batch at a time. A record that is not in that set is a suspect.

The order of keys does not matter, because it differs between stores and databases. Changes after the start of the
comparison do not count. Before a suspect is reported, S3 is asked for that one object, and the database for its record
before and after: if the claim changed in between, a request was at work, and nothing is wrong.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

from django.db import Error, router
from django.utils import timezone

from ...exceptions import (
    ClaimLost,
    FileExists,
    FileInUse,
    FileNotFound,
    S3FileUploaderError,
    StorageAccessDenied,
    StorageError,
    StorageProblem,
)
from ...models import FileUpload, FileUploadQuerySet, location_digest
from ...policy.names import validate_bucket_name
from ...s3.objects import find_object, list_object_pages
from ...values import PAGE_KEYS, ListedObject, StoredObject
from ..reports import ComparisonReport, ComparisonTally, Finding, Kind, Outcome
from .digest_set import DigestSet, open_digest_set
from .repairs import Repairs, is_made_here

logger = logging.getLogger(__name__)

LOOKS_AT_ONCE = 8
Answer = StoredObject | StorageProblem | None


def bucket_compare(
    *,
    bucket: str,
    repairs: Repairs | None = None,
    dry_run: bool = False,
    on_finding: Callable[[Finding], object] | None = None,
    on_progress: Callable[[str, int, int], object] | None = None,
) -> ComparisonReport:
    """Find objects without record, records without object and changed objects; repair them as `repairs` says.

    Memory does not grow with the bucket; an object takes some 50 bytes in a temporary file. Any number of hosts may do
    this at once, beside the service.

    Args:
        bucket: name of the bucket.
        repairs: the repairs to make; by default none.
        dry_run: report the repairs, and change nothing.
        on_finding: called with each finding, after its repair.
        on_progress: called with "objects" or "records", the number compared since, and the total, more or less.

    Returns:
        The figures, and the first findings of each kind. Errors are in the log; if S3 or the database fails, `is_whole`
        is False, and the findings until then are valid.

    Raises:
        InvalidBucketName: the name is not valid.
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
        """Yield "objects" or "records", and the number of them compared since."""
        whole = _records().whole().filter(bucket=self._bucket, completed_at__lt=self._began)
        self.expected = whole.count()
        self._is_known = _records().filter(bucket=self._bucket).exists()
        with (
            open_digest_set() as known,
            ThreadPoolExecutor(LOOKS_AT_ONCE, thread_name_prefix="s3-look") as self._threads,
        ):
            for page in list_object_pages(bucket=self._bucket):
                self._compare_page(page, known)
                yield "objects", len(page)
            for batch in _iterate_batches(whole):
                missing = known.missing([upload.location_digest for upload in batch])
                self._confirm_records([upload for upload in batch if upload.location_digest in missing])
                yield "records", len(batch)

    def _compare_page(self, page: list[ListedObject], known: DigestSet) -> None:
        listed = {location_digest(self._bucket, entry.file_name): entry for entry in page}
        recorded = _find_records(listed)
        known.add(recorded)
        self._confirm_strays(
            [
                FileUpload(bucket=self._bucket, file_name=entry.file_name, location_digest=digest)
                for digest, entry in listed.items()
                if digest not in recorded and self._is_old(entry.changed_at)
            ]
        )
        self._confirm_records(
            [upload for digest, upload in recorded.items() if self._is_suspect(upload, listed[digest])]
        )

    def _is_suspect(self, upload: FileUpload, listed: ListedObject) -> bool:
        is_whole = upload.status in FileUpload.WHOLE and self._is_old(upload.completed_at)
        return is_whole and (listed.size, listed.etag) != (upload.size, upload.etag)

    def _is_old(self, changed_at: datetime | None) -> bool:
        return changed_at is not None and changed_at < self._began

    def _confirm_strays(self, strays: list[FileUpload]) -> None:
        answers = self._find_objects(strays)
        recorded = _find_records(stray.location_digest for stray in strays)
        for stray, stored in zip(strays, answers, strict=True):
            is_new = isinstance(stored, StoredObject) and not self._is_old(stored.changed_at)
            if stored is not None and not is_new and stray.location_digest not in recorded:
                self._repair(Kind.OBJECT_WITHOUT_RECORD, stray, stored)

    def _confirm_records(self, uploads: list[FileUpload]) -> None:
        answers = self._find_objects(uploads)
        recorded = _find_records(upload.location_digest for upload in uploads)
        for upload, stored in zip(uploads, answers, strict=True):
            if not _is_as_before(upload, recorded.get(upload.location_digest)):
                continue
            if stored is None:
                self._repair(Kind.RECORD_WITHOUT_OBJECT, upload, stored)
            elif isinstance(stored, StorageProblem) or (stored.size, stored.etag) != (upload.size, upload.etag):
                self._repair(Kind.OBJECT_CHANGED, upload, stored)

    def _find_objects(self, uploads: list[FileUpload]) -> list[Answer]:
        return list(self._threads.map(_try_find_object, uploads))

    def _repair(self, kind: Kind, upload: FileUpload, stored: Answer) -> None:
        if isinstance(stored, StorageProblem):
            logger.warning("S3 does not say which object is at %s: %s", upload, stored)
            self._tally.add(replace(Finding.of(upload, Kind.NOT_LOOKED_AT), outcome=Outcome.LEFT))
            return
        finding = self._add_object(Finding.of(upload, kind), stored)
        outcome = Outcome.LEFT
        try:
            outcome = self._try_repair(finding, upload, stored)
        finally:  # The finding counts even if S3 is down now.
            self._tally.add(replace(finding, outcome=outcome))

    def _try_repair(self, finding: Finding, upload: FileUpload, stored: StoredObject | None) -> Outcome:
        outcome = self._repairs.choose_outcome(finding)
        if self._dry_run:
            return outcome
        try:
            self._repairs.apply(outcome, upload=upload, stored=stored)
        except (ClaimLost, FileExists, FileNotFound):
            return Outcome.OVERTAKEN
        except (FileInUse, StorageAccessDenied, StorageError) as error:
            logger.warning("%s stays as it is until the next run: %s", upload, error)
            return Outcome.LEFT
        return outcome

    def _add_object(self, finding: Finding, stored: StoredObject | None) -> Finding:
        if stored is None:
            return finding
        # A database without any record of the bucket may be the wrong database.
        made_here = self._is_known and is_made_here(finding.file_name, stored)
        return replace(finding, size=stored.size, etag=stored.etag, changed_at=stored.changed_at, made_here=made_here)


def _records() -> FileUploadQuerySet:
    """Return all records of the primary database: a replica that lags behind would raise false alarms."""
    return FileUpload.objects.using(router.db_for_write(FileUpload))


def _find_records(digests: Iterable[str]) -> dict[str, FileUpload]:
    return _records().in_bulk(list(digests), field_name="location_digest")


def _iterate_batches(uploads: FileUploadQuerySet) -> Iterator[list[FileUpload]]:
    """Yield batches in the order of the index of buckets, newest first; records of one moment have their own query."""
    batch = list(uploads[:PAGE_KEYS])
    while batch:
        yield batch
        last = batch[-1]
        same_moment = uploads.filter(created_at=last.created_at, pk__lt=last.pk)
        batch = list(same_moment[:PAGE_KEYS]) or list(uploads.filter(created_at__lt=last.created_at)[:PAGE_KEYS])


def _try_find_object(upload: FileUpload) -> Answer:
    """Return S3's answer about one object; an error about one object does not stop the others."""
    try:
        return find_object(**upload.s3_address)
    except (StorageAccessDenied, StorageError) as error:
        return error


def _is_as_before(upload: FileUpload, record: FileUpload | None) -> bool:
    names = ("pk", "status", "claim_id")
    return record is not None and all(getattr(record, name) == getattr(upload, name) for name in names)
