"""Scan the files that wait in quarantine, and files that a user wants to have scanned again."""

import logging
import uuid
from collections.abc import Callable
from itertools import chain

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import Error

from ...exceptions import S3FileUploaderError
from ...models import FileUpload
from ...models.transitions import request_scan
from ...scanners import ScannerProblem
from ..audit.operation import Operation
from ..reports import Finding, Kind, Outcome, ScanReport
from .scan import OF_THE_FILE, scan_on_arrival, scan_record

logger = logging.getLogger(__name__)

# After this many failures in a row the scanners are down, and the remaining files wait for the next run.
FAILURES_IN_A_ROW = 3


def upload_scan_again(*, user: AbstractBaseUser, upload: FileUpload) -> bool:
    """Put a stored or held file into quarantine, and scan it as if it had just arrived.

    Args:
        user: who asks, and has the right.
        upload: record of the file.

    Returns:
        True if the file was whole; other files are not scanned.

    Raises:
        FileRejected: a scanner condemned the file; it was removed.
        StorageProblem: a scanner condemned the file, and S3 could not remove it yet.
    """
    with Operation.on("file_scan_again", user=user, upload=upload):
        is_whole = request_scan(upload)
        if is_whole:
            scan_on_arrival(upload)
        return is_whole


def waiting_scan(
    *,
    dry_run: bool = False,
    on_finding: Callable[[Finding], object] = lambda finding: None,
    on_progress: Callable[[str, int, int], object] = lambda label, more, total: None,
) -> ScanReport:
    """Scan every file that waits in quarantine.

    Any number of hosts may do it at the same time, beside tasks and requests: each file is scanned by one of them.

    Args:
        dry_run: report the waiting files, and scan none.
        on_finding: called with each file and its outcome.
        on_progress: called with "files in quarantine", the number of files scanned since, and the total.

    Returns:
        The figures. Errors are in the log; after several in a row the remaining files wait for the next run.
    """
    counts = dict.fromkeys(Outcome, 0)
    waiting, middle = FileUpload.objects.to_scan(), uuid.uuid4()
    total, failures, in_a_row = waiting.count(), 0, 0
    # From a random id on: several hosts seldom meet, and a file that always fails does not block the others.
    for upload in chain(waiting.filter(pk__gt=middle).each_once(), waiting.filter(pk__lte=middle).each_once()):
        outcome, is_failure = (Outcome.NOTHING, False) if dry_run else _try_scan(upload)
        failures += is_failure
        in_a_row = in_a_row + 1 if is_failure else 0
        counts[outcome] += 1
        on_finding(Finding.of(upload, Kind.FILE_QUARANTINED, outcome))
        on_progress("files in quarantine", 1, total)
        if in_a_row == FAILURES_IN_A_ROW:
            break
    return ScanReport(
        files_clean=counts[Outcome.FILE_CLEAN],
        files_rejected=counts[Outcome.FILE_REJECTED],
        files_left=failures,
        files_in_quarantine=FileUpload.objects.filter(status=FileUpload.Status.QUARANTINED).count(),
    )


def _try_scan(upload: FileUpload) -> tuple[Outcome, bool]:
    """Return the outcome, and True if the scanners, S3 or the database failed."""
    try:
        return scan_record(upload), False
    except OF_THE_FILE as error:
        logger.warning("File %s stays in quarantine: %s", upload.pk, error)
        return Outcome.LEFT, False
    except (ScannerProblem, S3FileUploaderError, Error) as error:
        logger.warning("File %s waits for the next run: %s", upload.pk, error)
        return Outcome.LEFT, True
