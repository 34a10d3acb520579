"""Finish or undo the work that crashes left, so that records, objects and parts agree again; purge expired rows.

Any number of hosts may run it at the same time, beside the service: the claim on a record decides who recovers it.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice

from django.db import Error

from ...conf import conf
from ...exceptions import ClaimLost, S3FileUploaderError, StorageNotConfigured
from ...models import FileUpload, HousekeepingRun, location_digest
from ...models.clock import shared_now
from ...policy.names import validate_bucket_name
from ...s3.multipart import MultipartUpload, abort_multipart, list_multipart_uploads
from ...values import PAGE_KEYS
from ..audit.trail import record_event
from ..direct_uploads.complete import complete_arrived, complete_record, has_arrived
from ..direct_uploads.part_totals import remove_excessive
from ..download_folder.copies import remove_old_copies
from ..download_folder.write import remove_partial_files
from ..recovery import foresee_outcome, upload_settle
from ..reports import UNCHANGED, Finding, HousekeepingReport, Kind, Outcome
from ..storage_places import find_places, is_in_storage
from .attachments import expire_unattached, mend_attachments
from .expire import purge_expired
from .rolled_back import ROLLED_BACK_AFTER, remove_rolled_back

logger = logging.getLogger(__name__)


def housekeeping_run(
    *,
    abort_multipart_older_than: timedelta | None = None,
    rolled_back_older_than: timedelta = ROLLED_BACK_AFTER,
    buckets: Iterable[str] = (),
    dry_run: bool = False,
    on_finding: Callable[[Finding], object] = lambda finding: None,
    on_progress: Callable[[str, int, int], object] = lambda label, more, total: None,
) -> HousekeepingReport:
    """Recover every abandoned record, abort abandoned multipart uploads, and purge expired rows.

    First, direct uploads that arrived whole are completed even if their clients did not say so, and uploads whose parts
    exceed a limit are removed. Then the marks of attached files are compared with the references to them. Files of file
    fields whose transaction was rolled back are removed after a day. A multipart upload under another key without a
    record may belong to another program, so it is only counted, unless `abort_multipart_older_than` says from which age
    on every multipart upload is debris.

    Args:
        abort_multipart_older_than: see above; None spares them.
        rolled_back_older_than: the age from which on objects of file fields without a record are removed. It must
            exceed the longest transaction.
        buckets: names of more buckets to search for multipart uploads, beside those of `housekeeping_buckets`.
        dry_run: report what a run would do, and change nothing.
        on_finding: called with each completed, removed or recovered upload, and each aborted or counted multipart
            upload.
        on_progress: called with a label ("records left half-way", then "multipart uploads"), the number of items since,
            and the total, or 0 if it is unknown.

    Returns:
        The figures, and the number of items that failed. An error is in the log and does not stop the others.

    Raises:
        InvalidBucketName: one of `buckets` is not a valid name.
    """
    named = {validate_bucket_name(bucket) for bucket in buckets}
    searched = {*housekeeping_buckets(), *named}  # Before the last record of a bucket is removed.
    run = _Run(dry_run, on_finding, on_progress, rolled_back_older_than)
    completed, waiting = complete_arrived(dry_run=dry_run, on_completed=run.report_completed)
    too_large, not_added_up = remove_excessive(dry_run=dry_run, on_removed=run.report_removed)
    settled, left = run.settle_abandoned()
    mended, not_mended = mend_attachments(dry_run=dry_run, on_finding=run.report)
    expired, not_expired = expire_unattached(dry_run=dry_run, on_finding=run.report)
    aborted, unexplained, failed = run.abort_debris(searched, abort_multipart_older_than)
    rolled_back, not_listed = remove_rolled_back(
        older_than=rolled_back_older_than, dry_run=dry_run, on_removed=run.report, on_progress=on_progress
    )
    report = HousekeepingReport(
        uploads_completed=completed,
        uploads_too_large=too_large,
        records_settled=settled,
        records_left=left + waiting + not_added_up + not_mended + not_expired,
        multipart_uploads_aborted=aborted,
        multipart_uploads_unexplained=unexplained,
        buckets_left=failed + not_listed,
        rolled_back_files_removed=rolled_back,
        partial_files_removed=_remove_partial_files(dry_run),
        saved_copies_removed=remove_old_copies(dry_run=dry_run),
        attachments_mended=mended,
        unattached_removed=expired,
        **purge_expired(dry_run=dry_run),
    )
    if not dry_run:
        HousekeepingRun.record(is_complete=report.is_complete)
    return report


def housekeeping_buckets() -> list[str]:
    """Return the buckets of this service: those with records, and those that the settings name in full."""
    named = {bucket for bucket in conf.allowed_buckets or () if not set(bucket) & set("*?[")}
    return sorted({*_find_recorded_buckets(), *named, *(place.bucket for place in find_places())})


def _find_recorded_buckets() -> Iterator[str]:
    """Yield each bucket once by skipping through the index, which has an entry for every record."""
    names = FileUpload.objects.order_by("bucket").values_list("bucket", flat=True)
    bucket = names.first()
    while bucket is not None:
        yield bucket
        bucket = names.filter(bucket__gt=bucket).first()


@dataclass(frozen=True, slots=True)
class _Run:
    """One run: whether it may change anything, and the caller's callbacks."""

    dry_run: bool
    on_finding: Callable[[Finding], object]
    on_progress: Callable[[str, int, int], object]
    rolled_back_older_than: timedelta

    def report(self, finding: Finding) -> None:
        """Report a finding to the caller and, if something was changed, to the audit trail."""
        if not self.dry_run and finding.outcome not in UNCHANGED:
            where = {"bucket": finding.bucket, "file_name": finding.file_name, "object_id": finding.record_id}
            record_event(action="housekeeping", user=None, outcome=finding.outcome.value, **where)
        self.on_finding(finding)

    def report_completed(self, upload: FileUpload) -> None:
        self.report(Finding.of(upload, Kind.UPLOAD_ARRIVED, Outcome.UPLOAD_COMPLETED))

    def report_removed(self, upload: FileUpload) -> None:
        self.report(Finding.of(upload, Kind.UPLOAD_TOO_LARGE, Outcome.RECORD_REMOVED))

    def settle_abandoned(self) -> tuple[int, int]:
        settled = left = 0
        abandoned = FileUpload.objects.abandoned()
        total = abandoned.count()
        for upload in abandoned.each_once():
            finding = Finding.of(upload, Kind.RECORD_HALFWAY)
            try:
                if (outcome := self._settle(upload)) is None:
                    continue
                settled += 1
            except ClaimLost:
                outcome = Outcome.OVERTAKEN
            except (S3FileUploaderError, Error) as error:
                logger.warning("Record %s stays half-way until the next run: %s", upload.pk, error)
                outcome = Outcome.LEFT
                left += 1
            self.report(replace(finding, outcome=outcome))
            self.on_progress("records left half-way", 1, total)
        return settled, left

    def _settle(self, upload: FileUpload) -> Outcome | None:
        """Return the outcome for an abandoned record; None if `complete_arrived` has foreseen it.

        A whole file is completed even if S3 or its rights failed a moment ago. It is never removed for that.
        """
        if not has_arrived(upload):
            return foresee_outcome(upload) if self.dry_run else upload_settle(upload=upload)
        if self.dry_run:
            return None
        complete_record(upload)
        return Outcome.UPLOAD_COMPLETED

    def abort_debris(self, buckets: set[str], older_than: timedelta | None) -> tuple[int, int, int]:
        aborted = unexplained = failed = 0
        for bucket in sorted(buckets):
            try:
                for upload, outcome in self._abort_in_bucket(bucket, older_than):
                    aborted += outcome == Outcome.MULTIPART_ABORTED
                    unexplained += outcome == Outcome.NOTHING
                    self.report(_describe_multipart(upload, outcome))
            except (S3FileUploaderError, Error) as error:
                logger.warning("The multipart uploads of bucket %s wait for the next run: %s", bucket, error)
                failed += 1
                self.on_progress("multipart uploads", 0, 0)  # The caller may stop here: each failure takes long.
        return aborted, unexplained, failed

    def _abort_in_bucket(self, bucket: str, older_than: timedelta | None) -> Iterator[tuple[MultipartUpload, Outcome]]:
        """Yield each aborted multipart upload, and each without a record; look up records a page at a time."""
        listed = list_multipart_uploads(bucket=bucket)
        while page := list(islice(listed, PAGE_KEYS)):
            digests = {location_digest(bucket, upload.key) for upload in page}
            recorded = FileUpload.objects.in_bulk(list(digests), field_name="location_digest")
            for upload in page:
                record = recorded.get(location_digest(bucket, upload.key))
                if self._is_debris(upload, record, older_than) and not _is_claimed(upload):
                    if not self.dry_run:
                        abort_multipart(bucket=bucket, key=upload.key, upload_id=upload.upload_id)
                    yield upload, Outcome.MULTIPART_ABORTED
                elif record is None:
                    yield upload, Outcome.NOTHING
            self.on_progress("multipart uploads", len(page), 0)

    def _is_debris(self, upload: MultipartUpload, record: FileUpload | None, older_than: timedelta | None) -> bool:
        """Return True if the age alone condemns it, or if it began before any request with a live lease on its record.

        A file of a file field has no record while its parts are sent.
        """
        if record is not None:
            least_age: timedelta | None = timedelta(seconds=conf.claim_seconds)
        else:
            least_age = self.rolled_back_older_than if is_in_storage(upload.bucket, upload.key) else None
        ages = [age for age in (older_than, least_age) if age is not None]
        return bool(ages) and upload.begun_at < shared_now() - min(ages)


def _describe_multipart(upload: MultipartUpload, outcome: Outcome) -> Finding:
    return Finding(
        kind=Kind.MULTIPART_UPLOAD,
        bucket=upload.bucket,
        file_name=upload.key,
        changed_at=upload.begun_at,
        outcome=outcome,
    )


def _is_claimed(upload: MultipartUpload) -> bool:
    """Return True if a request holds the lease on the key now: the page of the listing may be old."""
    records = FileUpload.objects.at(bucket=upload.bucket, file_name=upload.key)
    return records.filter(claimed_until__gte=shared_now()).exists()


def _remove_partial_files(dry_run: bool) -> int:
    with suppress(StorageNotConfigured):
        return remove_partial_files(conf.download_folder, older_than_seconds=conf.claim_seconds, dry_run=dry_run)
    return 0
