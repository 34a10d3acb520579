"""Finish or undo what crashes left, so that records, objects and parts agree again; and forget what is over.

Any number of hosts may run it at the same time, beside the service: the claim on a record decides who settles it.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from django.db import Error
from django.utils import timezone

from ...conf import conf
from ...exceptions import FileExists, S3FileUploaderError, StorageNotConfigured
from ...models import FileUpload, location_digest
from ...policy.names import bucket_name_check
from ...s3.multipart import MultipartUpload, multipart_abort, multipart_uploads
from ...values import PAGE_KEYS, HousekeepingReport
from ..audit.trail import record_event
from ..direct_uploads.complete import arrived_complete, has_arrived
from ..direct_uploads.part_totals import excessive_remove
from ..download_folder.copies import old_copies_remove
from ..download_folder.write import partial_files_remove
from ..lookup import finding_of
from ..recovery import settlement_foresee, upload_settle
from ..reports import Finding, Kind, Outcome
from .expire import old_events_forget, old_keys_forget, old_shares_forget, old_tokens_forget

logger = logging.getLogger(__name__)

BATCH = 500
UNCHANGED = (Outcome.NOTHING, Outcome.RECORD_KEPT, Outcome.OVERTAKEN, Outcome.LEFT)


def housekeeping_run(
    *,
    abort_multipart_older_than: timedelta | None = None,
    buckets: Iterable[str] = (),
    dry_run: bool = False,
    on_finding: Callable[[Finding], object] | None = None,
    on_progress: Callable[[str, int, int], object] | None = None,
) -> HousekeepingReport:
    """Settle every abandoned record; abort multipart uploads that nobody is writing; forget what is over.

    Direct uploads that have arrived whole are completed first, though their clients did not say so. Those whose parts
    come to more than is allowed are removed. A multipart upload
    under a key that has no record may be another program's, so it is only counted, unless `abort_multipart_older_than`
    says from which age it is debris whoever began it.

    Args:
        abort_multipart_older_than: see above; None leaves them alone.
        buckets: to look for multipart uploads in, beside those of `housekeeping_buckets`.
        dry_run: tell what would be done, and change nothing.
        on_finding: called with each upload that was completed, each record that was settled, and each multipart upload
            that was aborted or counted.
        on_progress: called with what is looked at ("records left half-way", then "multipart uploads"), with how many
            more were, and with how many there are, 0 if nobody knows.

    Returns:
        What was done, and what is left for the next run. Errors are in the log; one of them does not keep the others
        from being mended.

    Raises:
        InvalidBucketName: one of `buckets` can be none.
    """
    named = {bucket_name_check(bucket) for bucket in buckets}
    looked_into = {*housekeeping_buckets(), *named}  # Before the last record of one of them goes.
    run = _Run(dry_run, on_finding or _nobody, on_progress or _nobody)
    completed, waiting = arrived_complete(dry_run=dry_run, on_completed=run.completed_tell)
    too_large, not_added_up = excessive_remove(dry_run=dry_run, on_removed=run.removed_tell)
    settled, left = run.abandoned_settle()
    aborted, unexplained, failed = run.debris_abort(looked_into, abort_multipart_older_than)
    return HousekeepingReport(
        uploads_completed=completed,
        uploads_too_large=too_large,
        records_settled=settled,
        records_left=left + waiting + not_added_up,
        multipart_uploads_aborted=aborted,
        multipart_uploads_unexplained=unexplained,
        buckets_left=failed,
        idempotency_keys_forgotten=old_keys_forget(dry_run=dry_run),
        upload_tokens_forgotten=old_tokens_forget(dry_run=dry_run),
        share_links_forgotten=old_shares_forget(dry_run=dry_run),
        audit_events_forgotten=old_events_forget(dry_run=dry_run),
        partial_files_removed=_partial_files_remove(dry_run),
        saved_copies_removed=old_copies_remove(dry_run=dry_run),
    )


def housekeeping_buckets() -> list[str]:
    """Return the buckets that this service keeps: those with records, and those that the settings name in full."""
    named = {bucket for bucket in conf.allowed_buckets or () if not set(bucket) & set("*?[")}
    return sorted({*_buckets_with_records(), *named})


def _buckets_with_records() -> Iterator[str]:
    """Yield them from one to the next in the index, which has an entry for every record."""
    names = FileUpload.objects.order_by("bucket").values_list("bucket", flat=True)
    bucket = names.first()
    while bucket is not None:
        yield bucket
        bucket = names.filter(bucket__gt=bucket).first()


@dataclass(frozen=True, slots=True)
class _Run:
    """What both walks need: whether anything may be changed, and who is told."""

    dry_run: bool
    on_finding: Callable[[Finding], object]
    progress: Callable[[str, int, int], object]

    def tell(self, finding: Finding) -> None:
        """Tell the caller, and the audit trail of what was changed."""
        if not self.dry_run and finding.outcome not in UNCHANGED:
            where = {"bucket": finding.bucket, "file_name": finding.file_name, "object_id": finding.record_id}
            record_event(action="housekeeping", user=None, outcome=finding.outcome.value, **where)
        self.on_finding(finding)

    def completed_tell(self, upload: FileUpload) -> None:
        self.tell(finding_of(upload, Kind.UPLOAD_ARRIVED, Outcome.UPLOAD_COMPLETED))

    def removed_tell(self, upload: FileUpload) -> None:
        self.tell(finding_of(upload, Kind.UPLOAD_TOO_LARGE, Outcome.RECORD_REMOVED))

    def abandoned_settle(self) -> tuple[int, int]:
        settled = left = 0
        waiting = FileUpload.objects.abandoned().count()
        for upload in _abandoned():
            finding = finding_of(upload, Kind.RECORD_HALFWAY)
            try:
                if self.dry_run and has_arrived(upload):
                    continue  # It would not be waiting any more.
                outcome = settlement_foresee(upload) if self.dry_run else upload_settle(upload=upload)
                settled += 1
            except FileExists:
                outcome = Outcome.OVERTAKEN
            except (S3FileUploaderError, Error) as error:
                logger.warning("Record %s stays half-way until the next run: %s", upload.pk, error)
                outcome = Outcome.LEFT
                left += 1
            self.tell(replace(finding, outcome=outcome))
            self.progress("records left half-way", 1, waiting)
        return settled, left

    def debris_abort(self, buckets: set[str], older_than: timedelta | None) -> tuple[int, int, int]:
        aborted = unexplained = failed = 0
        for bucket in sorted(buckets):
            try:
                for upload, outcome in self._debris_of(bucket, older_than):
                    aborted += outcome == Outcome.MULTIPART_ABORTED
                    unexplained += outcome == Outcome.NOTHING
                    self.tell(_unfinished(upload, outcome))
            except (S3FileUploaderError, Error) as error:
                logger.warning("The multipart uploads of bucket %s wait for the next run: %s", bucket, error)
                failed += 1
        return aborted, unexplained, failed

    def _debris_of(self, bucket: str, older_than: timedelta | None) -> Iterator[tuple[MultipartUpload, Outcome]]:
        """Yield what was aborted, and what is unexplained, a page of records at a time."""
        listed = multipart_uploads(bucket=bucket)
        while page := list(islice(listed, PAGE_KEYS)):
            digests = {location_digest(bucket, upload.key) for upload in page}
            recorded = FileUpload.objects.in_bulk(list(digests), field_name="location_digest")
            for upload in page:
                record = recorded.get(location_digest(bucket, upload.key))
                if _is_debris(upload, record, older_than) and not _is_claimed(upload):
                    if not self.dry_run:
                        multipart_abort(bucket=bucket, key=upload.key, upload_id=upload.upload_id)
                    yield upload, Outcome.MULTIPART_ABORTED
                elif record is None:
                    yield upload, Outcome.NOTHING
            self.progress("multipart uploads", len(page), 0)


def _nobody(*_told: object) -> None:
    """Listen to nothing."""


def _unfinished(upload: MultipartUpload, outcome: Outcome) -> Finding:
    return Finding(
        kind=Kind.MULTIPART_UPLOAD,
        bucket=upload.bucket,
        file_name=upload.key,
        changed_at=upload.begun_at,
        outcome=outcome,
    )


def _abandoned() -> Iterator[FileUpload]:
    """Yield each record once, though those that cannot be settled stay abandoned."""
    waiting = FileUpload.objects.abandoned().order_by("pk")
    batch = list(waiting[:BATCH])
    while batch:
        yield from batch
        batch = list(waiting.filter(pk__gt=batch[-1].pk)[:BATCH])


def _is_debris(upload: MultipartUpload, record: FileUpload | None, older_than: timedelta | None) -> bool:
    if older_than is not None and upload.begun_at < timezone.now() - older_than:
        return True
    return record is not None and upload.begun_at < _long_ago()


def _is_claimed(upload: MultipartUpload) -> bool:
    """Tell whether somebody is at work on the key, at this moment: the page of the listing may be old by now."""
    there = FileUpload.objects.at(bucket=upload.bucket, file_name=upload.key)
    return there.filter(claimed_until__gte=timezone.now()).exists()


def _long_ago() -> datetime:
    """Return a time before which no request that is still at work began its upload unclaimed."""
    return timezone.now() - timedelta(seconds=conf.claim_seconds)


def _partial_files_remove(dry_run: bool) -> int:
    with suppress(StorageNotConfigured):
        return partial_files_remove(conf.download_folder, older_than_seconds=conf.claim_seconds, dry_run=dry_run)
    return 0
