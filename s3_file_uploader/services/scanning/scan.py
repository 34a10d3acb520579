"""Have the scanners look at what is in quarantine, and do as they say.

    clean            stored; listeners are told that there is a file
    infected         the object goes, the record says why and leaves the key
    no answer        it waits: for a task, for `s3_scan`, or for housekeeping

Nothing passes but what every scanner has found clean, as it lies in S3. Each of them reads the object anew, as it was
when the record was written. A scan that is killed is begun again by whoever looks for waiting files.
"""

import logging
from collections.abc import Generator
from contextlib import ExitStack, closing
from datetime import timedelta

from django.utils import timezone

from ...conf import conf
from ...exceptions import FileExists, FileNotFound, FileQuarantined, S3FileUploaderError, StorageError
from ...models import BUSY, FileUpload, durable_transaction
from ...s3.transfer.object_reader import object_read
from ...scanners import ScanFailed, Scanner, ScannerProblem, TooLargeToScan, Verdict, load_scanners
from ...signals import file_quarantined, file_rejected, file_uploaded, send_after_commit
from ..audit.operation import Operation
from ..lookup import file_not_found, not_rejected
from ..recovery import object_found, object_remove, parts_remove, settled_on_error
from ..reports import Outcome

logger = logging.getLogger(__name__)

CLEAN = Verdict(is_clean=True)
# Of one file, not of scanner or S3; an hour later somebody may have seen to it.
OF_THE_FILE = (TooLargeToScan, ScanFailed, StorageError, FileNotFound)
OF_THE_FILE_AGAIN_SECONDS = 3600
REWRITTEN = "The file was rewritten after its upload was completed: delete it, and upload it anew."
FOUND_SOMETHING = "A scanner found something."
SCANNER_FAILED = "A scanner failed: whoever runs this service finds in the log why."
URL_STILL_WORKS = "The file is clean, but its upload URL still works: it is scanned once more when that has expired."


def stored_tell(upload: FileUpload) -> None:
    """Tell listeners of a file once the present transaction is committed, unless it is in quarantine."""
    if upload.status == FileUpload.Status.STORED:
        send_after_commit(file_uploaded, upload)


def unchanged_check(upload: FileUpload) -> None:
    """Pass if a URL to a stored file leads to the bytes that its record describes.

    S3 is asked only while the client may still send other bytes to the key. A file that was rewritten is put into
    quarantine, since its record is no longer true. The client may rewrite it after this check.

    Raises:
        FileQuarantined: the file was rewritten.
        FileNotFound: another program removed the object.
        StorageProblem: S3 could not answer.
    """
    if upload.rewritable_until is None:
        return
    found = object_found(upload)
    if found is None:
        raise file_not_found()
    if found.etag != upload.etag:
        upload.hold(REWRITTEN)
        raise FileQuarantined(REWRITTEN)


def arrived_scan(upload: FileUpload) -> None:
    """Scan a file that has just come, if it is in quarantine: at once if it is small, else somebody is told to.

    Raises:
        FileRejected: it was infected, and is removed.
        StorageProblem: it is infected, and S3 could not remove it yet.
    """
    if upload.status != FileUpload.Status.QUARANTINED:
        return
    limit = conf.scan_in_request_bytes
    if limit and (upload.size or 0) <= limit:
        upload_scan(upload=upload)
        not_rejected(upload)
    if upload.status == FileUpload.Status.QUARANTINED and upload.is_to_scan:
        file_quarantined.send_robust(sender=type(upload), upload=upload)


def upload_scan(*, upload: FileUpload) -> Outcome:
    """Scan a file in quarantine; any number of processes may try.

    Args:
        upload: a record; what becomes of it is written to it too.

    Returns:
        `file_clean`, `file_rejected`, `left` if it still waits, its record says what for, or `overtaken` if it is not
        in quarantine any more, or being scanned.

    Raises:
        StorageProblem: it is infected, and S3 could not remove it yet; housekeeping does.
    """
    try:
        return record_scan(upload)
    except (ScannerProblem, S3FileUploaderError) as error:
        if upload.status != FileUpload.Status.QUARANTINED:
            raise
        logger.warning("File %s stays in quarantine: %s", upload.pk, error)
        return Outcome.LEFT


def record_scan(upload: FileUpload) -> Outcome:
    """Scan a file and do as the scanners say, as `upload_scan`; errors are the caller's.

    Raises:
        ScannerProblem: they do not say; the record says why.
        S3FileUploaderError: S3 could not.
    """
    if not upload.scan_begin():
        return Outcome.OVERTAKEN
    with Operation.on("file_scan", user=None, upload=upload):
        try:
            verdict = _verdict(upload)
        except FileExists:
            return Outcome.OVERTAKEN
    return _passed(upload) if verdict.is_clean else _rejected(upload, verdict.reason or FOUND_SOMETHING)


def _verdict(upload: FileUpload) -> Verdict:
    """Return the first that is not clean; the record waits on where there is none."""
    with ExitStack() as undo:
        undo.push(lambda _kind, error, _trace: _put_off(upload, error))
        verdicts = (_verdict_of(scanner, upload) for scanner in load_scanners())
        verdict = next((verdict for verdict in verdicts if not verdict.is_clean), CLEAN)
        undo.pop_all()
    return verdict


def _verdict_of(scanner: Scanner, upload: FileUpload) -> Verdict:
    try:
        with closing(_content(upload)) as chunks:
            return scanner.scan(chunks, upload=upload)
    except TooLargeToScan:
        if conf.scan_too_large != "pass":
            raise
        return CLEAN


def _content(upload: FileUpload) -> Generator[bytes]:
    """Yield the bytes that the record is about.

    Raises:
        FileExists: it was removed or overwritten, or another process scans it by now.
        StorageError, FileNotFound: another program changed or removed the object.
        StorageProblem: S3 could not.
    """
    if not upload.size:
        _empty_check(upload)
    size = upload.size or 0
    with closing(object_read(bucket=upload.bucket, key=upload.file_name, etag=upload.etag, start=0, stop=size)) as read:
        for chunk in read:
            if not upload.scan_keep():
                raise FileExists(BUSY)
            yield chunk


def _empty_check(upload: FileUpload) -> None:
    found = object_found(upload)
    if found is None or (found.size, found.etag) != (0, upload.etag):
        raise StorageError("S3 holds other bytes than were stored: upload the file anew.")


def _put_off(upload: FileUpload, error: BaseException | None) -> None:
    reason = str(error) if isinstance(error, ScannerProblem | S3FileUploaderError) else SCANNER_FAILED
    seconds = OF_THE_FILE_AGAIN_SECONDS if isinstance(error, OF_THE_FILE) else 0
    upload.scan_put_off(reason, until=timezone.now() + timedelta(seconds=seconds))


def _passed(upload: FileUpload) -> Outcome:
    if (until := upload.rewritable_until) is not None:
        upload.scan_put_off(URL_STILL_WORKS, until=until)
        return Outcome.LEFT
    with durable_transaction():
        is_passed = upload.mark_clean()
        if is_passed:
            send_after_commit(file_uploaded, upload)
    return Outcome.FILE_CLEAN if is_passed else Outcome.OVERTAKEN


def _rejected(upload: FileUpload, reason: str) -> Outcome:
    """Remove the object; a process that is killed leaves the record `deleting`, with the reason, to housekeeping."""
    if not upload.rejection_begin(reason):
        return Outcome.OVERTAKEN
    told = Operation.on("file_reject", user=None, upload=upload)
    with told, settled_on_error(upload):
        if upload.multipart_upload_id:
            parts_remove(upload)
        object_remove(upload)
        with durable_transaction():
            upload.forget()
            send_after_commit(file_rejected, upload)
    return Outcome.FILE_REJECTED
