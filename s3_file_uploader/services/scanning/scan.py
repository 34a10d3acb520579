"""Scan a file in quarantine, and act on the verdict.

    clean            the file is stored, and listeners are notified
    infected         the object is removed; the record says why and frees the key
    no verdict       the file waits for a task, for `s3_scan`, or for housekeeping

A file passes only if every scanner finds it clean. Each scanner reads the object anew from S3, with the ETag of the
record. A scan that is killed is repeated by the next task or command that looks for waiting files.
"""

import logging
from collections.abc import Generator
from contextlib import ExitStack, closing
from datetime import timedelta

from ...conf import conf
from ...exceptions import ClaimLost, FileNotFound, FileQuarantined, FileRejected, S3FileUploaderError, StorageError
from ...models import BUSY, FileUpload, durable_transaction
from ...models.clock import shared_now
from ...models.lease import lease_end
from ...models.transitions import begin_rejection, begin_scan, hold, keep_scan, mark_clean, postpone_scan
from ...s3.objects import find_object
from ...s3.transfer.object_reader import read_object
from ...scanners import ScanFailed, Scanner, ScannerProblem, TooLargeToScan, Verdict, load_scanners
from ...signals import file_quarantined, file_uploaded, send_after_commit
from ..audit.operation import Operation
from ..lookup import file_not_found, raise_if_rejected
from ..recovery import remove_and_notify, remove_object, remove_parts, settle_on_error
from ..reports import Outcome

logger = logging.getLogger(__name__)

CLEAN = Verdict(is_clean=True)
# These errors concern one file, not the scanner or S3; it is tried again after an hour.
OF_THE_FILE = (TooLargeToScan, ScanFailed, StorageError, FileNotFound)
OF_THE_FILE_AGAIN_SECONDS = 3600
REWRITTEN = "The file was rewritten after its upload was completed: delete it, and upload it anew."
FOUND_SOMETHING = "A scanner found something."
SCANNER_FAILED = "A scanner failed: the log of this service says why."
URL_STILL_WORKS = "The file is clean, but its upload URL still works: it is scanned once more when that has expired."


def notify_stored(upload: FileUpload) -> None:
    """Notify listeners of a file once the present transaction is committed, unless it is in quarantine."""
    if upload.status == FileUpload.Status.STORED:
        send_after_commit(file_uploaded, upload)


def validate_unchanged(upload: FileUpload) -> None:
    """Pass if a URL to a stored file leads to the bytes that its record describes.

    S3 is asked only while the client may still send other bytes to the key. A rewritten file is put into quarantine,
    because its record is no longer true. The client may rewrite the file after this check.

    Raises:
        FileQuarantined: the file was rewritten.
        FileNotFound: another program removed the object.
        StorageProblem: S3 could not answer.
    """
    if upload.rewritable_until is None:
        return
    stored = find_object(**upload.s3_address)
    if stored is None:
        raise file_not_found()
    if stored.etag != upload.etag:
        hold(upload, REWRITTEN)
        raise FileQuarantined(REWRITTEN)


def scan_on_arrival(upload: FileUpload) -> None:
    """Scan a new file that is in quarantine: a small one at once, others by the listeners of `file_quarantined`.

    Raises:
        FileRejected: a scanner condemned the file; it was removed.
        StorageProblem: a scanner condemned the file, and S3 could not remove it yet.
    """
    if upload.status != FileUpload.Status.QUARANTINED:
        return
    limit = conf.scan_in_request_bytes
    if limit and (upload.size or 0) <= limit:
        upload_scan(upload=upload)
        raise_if_rejected(upload)
    if upload.status == FileUpload.Status.QUARANTINED and upload.is_to_scan:
        file_quarantined.send_robust(sender=type(upload), upload=upload)


def upload_scan(*, upload: FileUpload) -> Outcome:
    """Scan a file in quarantine; any number of processes may try.

    Args:
        upload: the record, which takes over the new values.

    Returns:
        `file_clean`, `file_rejected`, `left` if it still waits (its record says why), or `overtaken` if it is not in
        quarantine any more, or another process is scanning it.

    Raises:
        StorageProblem: a scanner condemned the file, and S3 could not remove it yet; housekeeping does.
    """
    try:
        return scan_record(upload)
    except (ScannerProblem, S3FileUploaderError) as error:
        if upload.status != FileUpload.Status.QUARANTINED:
            raise
        logger.warning("File %s stays in quarantine: %s", upload.pk, error)
        return Outcome.LEFT


def scan_record(upload: FileUpload) -> Outcome:
    """Scan a file and act on the verdict, as `upload_scan`, but raise every error.

    Raises:
        ScannerProblem: there is no verdict; the record says why.
        S3FileUploaderError: S3 could not.
    """
    if not begin_scan(upload):
        return Outcome.OVERTAKEN
    with Operation.on("file_scan", user=None, upload=upload):
        try:
            verdict = _find_verdict(upload)
        except ClaimLost:
            return Outcome.OVERTAKEN
    return _release(upload) if verdict.is_clean else _reject(upload, verdict.reason or FOUND_SOMETHING)


def scan_unrecorded(upload: FileUpload) -> None:
    """Scan an object whose record is not in the database yet; the record takes over the outcome.

    Without a verdict the record stays in quarantine, as in `upload_scan`.

    Raises:
        FileRejected: a scanner condemned the file.
    """
    upload.scan_after = lease_end()  # So that reading the object does not look for the record.
    try:
        verdict = _find_verdict(upload)
    except (ScannerProblem, S3FileUploaderError) as error:
        seconds = OF_THE_FILE_AGAIN_SECONDS if isinstance(error, OF_THE_FILE) else 0
        upload.scan_after, upload.status_reason = shared_now() + timedelta(seconds=seconds), str(error)
        return
    if not verdict.is_clean:
        raise FileRejected(verdict.reason or FOUND_SOMETHING)
    upload.status, upload.needs_scan, upload.scan_after = FileUpload.Status.STORED, False, None


def _find_verdict(upload: FileUpload) -> Verdict:
    """Return the first verdict that is not clean; if a scanner fails, the record waits for another scan."""
    with ExitStack() as undo:
        undo.push(lambda _kind, error, _trace: _postpone(upload, error))
        verdicts = (_ask_scanner(scanner, upload) for scanner in load_scanners())
        verdict = next((verdict for verdict in verdicts if not verdict.is_clean), CLEAN)
        undo.pop_all()
    return verdict


def _ask_scanner(scanner: Scanner, upload: FileUpload) -> Verdict:
    try:
        with closing(_read_content(upload)) as chunks:
            return scanner.scan(chunks, upload=upload)
    except TooLargeToScan:
        if conf.scan_too_large != "pass":
            raise
        return CLEAN


def _read_content(upload: FileUpload) -> Generator[bytes]:
    """Yield the bytes that the record describes.

    Raises:
        ClaimLost: the file was removed or overwritten, or another process is scanning it.
        StorageError, FileNotFound: another program changed or removed the object.
        StorageProblem: S3 could not.
    """
    if not upload.size:
        _validate_empty(upload)
    size = upload.size or 0
    with closing(read_object(**upload.s3_address, etag=upload.etag, start=0, stop=size)) as chunks:
        for chunk in chunks:
            if not keep_scan(upload):
                raise ClaimLost(BUSY)
            yield chunk


def _validate_empty(upload: FileUpload) -> None:
    stored = find_object(**upload.s3_address)
    if stored is None or (stored.size, stored.etag) != (0, upload.etag):
        raise StorageError("S3 holds other bytes than were stored: upload the file anew.")


def _postpone(upload: FileUpload, error: BaseException | None) -> None:
    reason = str(error) if isinstance(error, ScannerProblem | S3FileUploaderError) else SCANNER_FAILED
    seconds = OF_THE_FILE_AGAIN_SECONDS if isinstance(error, OF_THE_FILE) else 0
    postpone_scan(upload, until=shared_now() + timedelta(seconds=seconds), status_reason=reason)


def _release(upload: FileUpload) -> Outcome:
    if (until := upload.rewritable_until) is not None:
        postpone_scan(upload, until=until, status_reason=URL_STILL_WORKS)
        return Outcome.LEFT
    with durable_transaction():
        is_clean = mark_clean(upload)
        if is_clean:
            send_after_commit(file_uploaded, upload)
    return Outcome.FILE_CLEAN if is_clean else Outcome.OVERTAKEN


def _reject(upload: FileUpload, reason: str) -> Outcome:
    """Remove the object; if the process is killed, housekeeping finds the record `deleting`, with the reason."""
    if not begin_rejection(upload, reason):
        return Outcome.OVERTAKEN
    with Operation.on("file_reject", user=None, upload=upload), settle_on_error(upload):
        if upload.multipart_upload_id:
            remove_parts(upload)
        remove_object(upload)
        remove_and_notify(upload)
    return Outcome.FILE_REJECTED
