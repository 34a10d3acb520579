"""Compare the marks of attached files with the references of the host, and expire files that nothing attached.

`QuerySet.update()`, SQL and cascades of the database change references without a signal:

    reference, and no mark     mark the file as attached
    mark, and no reference     let go of the file, once the mark is an hour old
    neither                    remove the file after S3_FILE_UPLOADER_UNATTACHED_SECONDS, if that is set

Each repair checks again under the lock of the record, so it is safe beside the service.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import chain

from django.db import Error
from django.db.models import Exists, OuterRef
from django.utils import timezone

from ...conf import conf
from ...exceptions import ClaimLost, FileInUse, S3FileUploaderError
from ...models import FileUpload, FileUploadQuerySet
from ..files.delete import record_delete, upload_release
from ..references import list_references, list_unknown_tables
from ..reports import Finding, Kind, Outcome
from ..storage_places import find_places, has_file_id

logger = logging.getLogger(__name__)

MARK_AGE = timedelta(hours=1)
OnFinding = Callable[[Finding], object]


def mend_attachments(*, dry_run: bool, on_finding: OnFinding) -> tuple[int, int]:
    """Make marks and references agree.

    No file is let go of while a table that no installed app has refers to files: its references cannot be read.

    Args:
        dry_run: report, and change nothing.
        on_finding: called with each file whose mark was wrong.

    Returns:
        The number of files that were mended, and of those that have to wait for the next run.
    """
    mended = left = 0
    releases = () if _has_unknown_tables() else _release_unreferenced(dry_run)
    for upload, repair, outcome in chain(_mark_referenced(dry_run), releases):
        is_mended = _try_repair(upload, repair, Finding.of(upload, Kind.ATTACHMENT), outcome, on_finding)
        mended, left = mended + is_mended, left + (not is_mended)
    return mended, left


def expire_unattached(*, dry_run: bool, on_finding: OnFinding) -> tuple[int, int]:
    """Remove the files that nothing attached within S3_FILE_UPLOADER_UNATTACHED_SECONDS; as `mend_attachments`.

    A project without upload fields attaches nothing, so nothing expires there.
    """
    removed = left = 0
    for upload in find_unattached().each_once():
        finding = Finding.of(upload, Kind.UPLOAD_UNATTACHED)
        repair = None if dry_run else lambda upload=upload: record_delete(user=None, upload=upload)
        is_removed = _try_repair(upload, repair, finding, Outcome.RECORD_AND_OBJECT_REMOVED, on_finding)
        removed, left = removed + is_removed, left + (not is_removed)
    return removed, left


def find_unattached() -> FileUploadQuerySet:
    """Return the query for the files that have expired without being attached; none if the setting is off.

    Adopted files do not expire: they were there before any form.
    """
    seconds = conf.unattached_seconds
    if seconds is None or not any(reference.attaches for reference in list_references()) or list_unknown_tables():
        return FileUpload.objects.none()
    oldest = timezone.now() - timedelta(seconds=seconds)
    uploads = FileUpload.objects.unattached().whole().filter(completed_at__lt=oldest, adopted_at=None)
    return _without_references(uploads)


def _has_unknown_tables() -> bool:
    tables = list_unknown_tables()
    if tables:
        logger.error(
            "No file is let go of, because these tables refer to files and no app in INSTALLED_APPS has them: %s. Add "
            "the app again, or remove the tables.",
            ", ".join(tables),
        )
    return bool(tables)


Repair = tuple[FileUpload, Callable[[], object] | None, Outcome]


def _mark_referenced(dry_run: bool) -> Iterator[Repair]:
    for reference in list_references():
        if reference.attaches:
            unmarked = FileUpload.objects.unattached().whole().filter(Exists(reference.to(OuterRef("pk"))))
            for upload in unmarked.each_once():
                row = FileUpload.objects.unattached().whole().filter(pk=upload.pk)
                mark = None if dry_run else lambda row=row: row.update(attached_at=timezone.now())
                yield upload, mark, Outcome.MARKED_ATTACHED


def _release_unreferenced(dry_run: bool) -> Iterator[Repair]:
    fields = [reference.field for reference in list_references() if reference.attaches]
    # The mark does not tell which field let go. A file is removed only where no field of the project keeps files.
    cleanup = "delete" if fields and all(field.cleanup == "delete" for field in fields) else "keep"
    outcome = Outcome.RECORD_AND_OBJECT_REMOVED if cleanup == "delete" else Outcome.RELEASED
    marked = FileUpload.objects.filter(attached_at__lt=timezone.now() - MARK_AGE)
    for upload in _without_references(marked).each_once():
        if has_file_id(upload.file_name):
            continue  # A file of a file field. Its storage may be missing in the settings of this process.
        release = None if dry_run else lambda upload=upload: upload_release(upload_id=upload.pk, cleanup=cleanup)
        yield upload, release, outcome


def _without_references(uploads: FileUploadQuerySet) -> FileUploadQuerySet:
    for reference in list_references():
        uploads = uploads.exclude(Exists(reference.to(OuterRef("pk"))))
    # File fields refer to the files of an `UploadStorage` by name.
    for place in find_places():
        for prefix in place.prefixes:
            uploads = uploads.exclude(bucket=place.bucket, file_name__startswith=prefix)
    return uploads


def _try_repair(
    upload: FileUpload,
    repair: Callable[[], object] | None,
    finding: Finding,
    outcome: Outcome,
    on_finding: OnFinding,
) -> bool:
    """Make a repair and report it; return False if it has to wait for the next run."""
    try:
        if repair is not None:
            repair()
    except (ClaimLost, FileInUse):
        outcome = Outcome.OVERTAKEN
    except (S3FileUploaderError, Error) as error:
        logger.warning("File %s stays as it is until the next run: %s", upload.pk, error)
        outcome = Outcome.LEFT
    on_finding(replace(finding, outcome=outcome))
    return outcome != Outcome.LEFT
