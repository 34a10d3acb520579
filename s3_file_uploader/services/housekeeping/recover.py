"""Do for one record at once what a run of housekeeping would do for it."""

from contextlib import suppress

from django.contrib.auth.base_user import AbstractBaseUser

from ...conf import conf
from ...exceptions import FileNotFound
from ...models import FileUpload
from ..audit.trail import record_event
from ..direct_uploads.complete import complete_record, find_waiting, has_arrived
from ..direct_uploads.part_totals import remove_if_excessive
from ..recovery import upload_settle
from ..reports import UNCHANGED, Outcome
from ..scanning.scan import scan_record


def upload_recover(*, user: AbstractBaseUser, upload: FileUpload) -> Outcome:
    """Finish or roll back an upload that a crash or an absent client left, or scan a file that waits for it.

    Args:
        user: who asks, and has the right; the audit trail names this user.
        upload: the record, which takes over the new values.

    Returns:
        The outcome; `nothing` if a run of housekeeping would not touch the record.

    Raises:
        ClaimLost: another request was faster.
        ScannerProblem: there is no verdict; the record says why.
        S3FileUploaderError: the upload that arrived is not as announced, or S3 could not answer.
    """
    where = {"bucket": upload.bucket, "file_name": upload.file_name, "object_id": upload.pk}
    outcome = _recover(upload)
    if outcome not in UNCHANGED:
        record_event(action="housekeeping", user=user, outcome=outcome.value, **where)
    return outcome


def _recover(upload: FileUpload) -> Outcome:
    if find_waiting().filter(pk=upload.pk).exists() and has_arrived(upload):
        complete_record(upload)
        return Outcome.UPLOAD_COMPLETED
    with suppress(FileNotFound):  # S3 has no parts any more.
        if remove_if_excessive(upload):
            return Outcome.RECORD_REMOVED
    if upload.status not in FileUpload.WHOLE and upload.is_abandoned:
        return upload_settle(upload=upload)
    if upload.is_to_scan and conf.scanner_paths:
        return scan_record(upload)
    return Outcome.NOTHING
