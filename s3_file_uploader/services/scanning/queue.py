"""Scan what waits in quarantine, and what somebody wants to have scanned again."""

import logging
import uuid
from collections.abc import Callable, Iterator

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import Error

from ...exceptions import S3FileUploaderError
from ...models import FileUpload
from ...models.transitions import request_scan
from ...scanners import ScannerProblem
from ...values import ScanReport
from ..audit.operation import Operation
from ..lookup import finding_of
from ..reports import Finding, Kind, Outcome
from .scan import OF_THE_FILE, arrived_scan, record_scan

logger = logging.getLogger(__name__)

BATCH = 500
# In a row: then the scanners are down, and the others wait for the next run.
FAILURES_IN_A_ROW = 3


def upload_scan_again(*, user: AbstractBaseUser, upload: FileUpload) -> bool:
    """Put a stored file back into quarantine, or end its waiting there, and have it scanned as if it had just come.

    Args:
        user: who asks, and may.
        upload: its record.

    Returns:
        Whether it was a whole file; others are not scanned.

    Raises:
        FileRejected: it was infected, and is removed.
        StorageProblem: it is infected, and S3 could not remove it yet.
    """
    with Operation.on("file_scan_again", user=user, upload=upload):
        is_whole = request_scan(upload)
        if is_whole:
            arrived_scan(upload)
        return is_whole


def waiting_scan(
    *,
    dry_run: bool = False,
    on_finding: Callable[[Finding], object] = lambda finding: None,
    on_progress: Callable[[str, int, int], object] = lambda what, more, total: None,
) -> ScanReport:
    """Scan every file that waits for it.

    Any number of hosts may do it at the same time, beside tasks and requests: each file is scanned by one of them.

    Args:
        dry_run: tell which wait, and scan none.
        on_finding: called with each of them, and what became of it.
        on_progress: called with "files in quarantine", with how many more were scanned, and with how many there are.

    Returns:
        The figures. Errors are in the log; after some of them in a row the rest waits for the next run.
    """
    counts = dict.fromkeys(Outcome, 0)
    total, failures, in_a_row = FileUpload.objects.to_scan().count(), 0, 0
    for upload in _waiting():
        outcome = Outcome.NOTHING
        if not dry_run:
            outcome, is_failure = _outcome(upload)
            failures += is_failure
            in_a_row = in_a_row + 1 if is_failure else 0
        counts[outcome] += 1
        on_finding(finding_of(upload, Kind.FILE_QUARANTINED, outcome))
        on_progress("files in quarantine", 1, total)
        if in_a_row == FAILURES_IN_A_ROW:
            break
    return ScanReport(
        files_clean=counts[Outcome.FILE_CLEAN],
        files_rejected=counts[Outcome.FILE_REJECTED],
        files_left=failures,
        files_in_quarantine=FileUpload.objects.filter(status=FileUpload.Status.QUARANTINED).count(),
    )


def _outcome(upload: FileUpload) -> tuple[Outcome, bool]:
    """Return what became of it, and whether the scanners, S3 or the database failed."""
    try:
        return record_scan(upload), False
    except OF_THE_FILE as error:
        logger.warning("File %s stays in quarantine: %s", upload.pk, error)
        return Outcome.LEFT, False
    except (ScannerProblem, S3FileUploaderError, Error) as error:
        logger.warning("File %s waits for the next run: %s", upload.pk, error)
        return Outcome.LEFT, True


def _waiting() -> Iterator[FileUpload]:
    """Yield each once, from anywhere on: several at once meet seldom, and nobody waits behind what always fails."""
    waiting, middle = FileUpload.objects.to_scan().order_by("pk"), uuid.uuid4()
    for part in (waiting.filter(pk__gt=middle), waiting.filter(pk__lte=middle)):
        batch = list(part[:BATCH])
        while batch:
            yield from batch
            batch = list(part.filter(pk__gt=batch[-1].pk)[:BATCH])
