"""Finish or undo what crashes left, so that records, objects and parts agree again; and forget what is over.

Any number of hosts may run it at the same time, beside the service: the claim on a record decides who settles it.
"""

import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import Error
from django.utils import timezone

from ..conf import conf
from ..exceptions import FileExists, S3FileUploaderError, StorageNotConfigured
from ..models import FileUpload, IdempotencyKey, UploadToken
from ..multipart import MultipartUpload, multipart_abort, multipart_uploads
from ..saving import partial_files_remove
from ..values import HousekeepingReport
from .completion import arrived_complete
from .settlement import upload_settle

logger = logging.getLogger(__name__)

BATCH = 500


def housekeeping_run(*, abort_multipart_older_than: timedelta | None = None) -> HousekeepingReport:
    """Settle every abandoned record; abort multipart uploads that nobody is writing; forget old keys and tokens.

    Direct uploads that have arrived whole are completed first, though their clients did not say so. A multipart upload
    under a key that has no record may be another program's, so it is only counted, unless `abort_multipart_older_than`
    says from which age it is debris whoever began it.

    Args:
        abort_multipart_older_than: see above; None leaves them alone.

    Returns:
        What was done, and what is left for the next run. Errors are in the log; one of them does not keep the others
        from being mended.
    """
    completed, waiting = arrived_complete()
    settled, left = _abandoned_settle()
    aborted, unexplained, failed = _debris_abort(abort_multipart_older_than)
    return HousekeepingReport(
        uploads_completed=completed,
        records_settled=settled,
        records_left=left + waiting,
        multipart_uploads_aborted=aborted,
        multipart_uploads_unexplained=unexplained,
        buckets_left=failed,
        idempotency_keys_forgotten=_old_keys_forget(),
        upload_tokens_forgotten=UploadToken.objects.over().delete()[0],
        partial_files_removed=_partial_files_remove(),
    )


def _abandoned_settle() -> tuple[int, int]:
    settled = left = 0
    for upload in _abandoned():
        try:
            upload_settle(upload=upload)
            settled += 1
        except FileExists:
            continue  # Another request, or another host, was faster.
        except (S3FileUploaderError, Error) as error:
            logger.warning("Record %s stays half-way until the next run: %s", upload.pk, error)
            left += 1
    return settled, left


def _abandoned() -> Iterator[FileUpload]:
    """Yield each record once, though those that cannot be settled stay abandoned."""
    waiting = FileUpload.objects.abandoned().order_by("pk")
    batch = list(waiting[:BATCH])
    while batch:
        yield from batch
        batch = list(waiting.filter(pk__gt=batch[-1].pk)[:BATCH])


def _debris_abort(older_than: timedelta | None) -> tuple[int, int, int]:
    aborted = unexplained = failed = 0
    for bucket in FileUpload.objects.order_by("bucket").values_list("bucket", flat=True).distinct():
        try:
            for upload in multipart_uploads(bucket=bucket):
                if _is_debris(upload, older_than):
                    multipart_abort(bucket=bucket, key=upload.key, upload_id=upload.upload_id)
                    aborted += 1
                elif _is_unexplained(upload):
                    unexplained += 1
        except S3FileUploaderError as error:
            logger.warning("The multipart uploads of bucket %s wait for the next run: %s", bucket, error)
            failed += 1
    return aborted, unexplained, failed


def _is_debris(upload: MultipartUpload, older_than: timedelta | None) -> bool:
    if older_than is not None and upload.begun_at < timezone.now() - older_than:
        return not _is_claimed(upload)
    return upload.begun_at < _long_ago() and not _is_claimed(upload) and not _is_unexplained(upload)


def _is_claimed(upload: MultipartUpload) -> bool:
    there = FileUpload.objects.at(bucket=upload.bucket, file_name=upload.key)
    return there.filter(claimed_until__gte=timezone.now()).exists()


def _is_unexplained(upload: MultipartUpload) -> bool:
    return not FileUpload.objects.at(bucket=upload.bucket, file_name=upload.key).exists()


def _long_ago() -> datetime:
    """Return a time before which no request that is still at work began its upload unclaimed."""
    return timezone.now() - timedelta(seconds=conf.claim_seconds)


def _old_keys_forget() -> int:
    too_old = timezone.now() - timedelta(seconds=conf.idempotency_seconds)
    return IdempotencyKey.objects.filter(created_at__lt=too_old).delete()[0]


def _partial_files_remove() -> int:
    with suppress(StorageNotConfigured):
        return partial_files_remove(conf.download_folder, older_than_seconds=conf.claim_seconds)
    return 0
