"""How much the parts of a direct upload come to, and the end of one that comes to too much.

A part URL of a file whose size was announced signs the size of its part. The sizes of other parts are open, and S3
takes up to 5 GiB each, so they are added up: when the client asks for URLs, at the completion, and by housekeeping.
"""

import logging
from collections.abc import Callable, Iterator, Sequence

from django.db import Error

from ...exceptions import Conflict, FileTooLarge, InvalidInput, NotFound, QuotaExceeded, S3FileUploaderError
from ...models import FileUpload
from ...s3.multipart import multipart_parts
from ...values import StoredPart
from ..limits import count_parts, validate_parts
from ..recovery import taken_remove

logger = logging.getLogger(__name__)

TOO_MUCH = (FileTooLarge, QuotaExceeded)
BATCH = 500


def parts_total_check(upload: FileUpload, parts: Sequence[StoredPart]) -> None:
    """Pass if the parts that S3 holds are not more than was announced, or than the policy allows.

    The bytes of an upload whose size was not announced are counted for the quota of its owner from now on.

    Args:
        upload: pending, in parts.
        parts: all that S3 holds of it.

    Raises:
        FileTooLarge, QuotaExceeded: they are more; the upload was removed.
        FileExists: the upload was completed or removed meanwhile.
        StorageProblem: S3 could not remove it; housekeeping does.
    """
    try:
        count_parts(upload, _total(parts))
    except TOO_MUCH:
        # A request that has the parts joined checks the file itself.
        if upload.claim_from_client(unless_joining=True):
            taken_remove(upload)
        raise


def excessive_remove(
    *, dry_run: bool = False, on_removed: Callable[[FileUpload], object] = lambda upload: None
) -> tuple[int, int]:
    """Remove the direct uploads whose parts come to more than is allowed, though their clients ask for nothing.

    Args:
        dry_run: count them, and change nothing.
        on_removed: called with each of them.

    Returns:
        How many were removed, and of how many S3 could not tell; the log says why.
    """
    removed = left = 0
    check = _foreseen_check if dry_run else parts_total_check
    for upload in _in_parts():
        try:
            where = {"bucket": upload.bucket, "key": upload.file_name, "upload_id": upload.multipart_upload_id}
            check(upload, multipart_parts(**where))
        except TOO_MUCH:
            removed += 1
            on_removed(upload)
        except (InvalidInput, NotFound, Conflict):
            continue  # It was completed or removed meanwhile.
        except (S3FileUploaderError, Error) as error:
            logger.warning("The parts of upload %s are added up in the next run: %s", upload.pk, error)
            left += 1
    return removed, left


def _foreseen_check(upload: FileUpload, parts: Sequence[StoredPart]) -> None:
    validate_parts(upload, _total(parts))


def _total(parts: Sequence[StoredPart]) -> int:
    return sum(part.size for part in parts)


def _in_parts() -> Iterator[FileUpload]:
    pending = FileUpload.objects.filter(status=FileUpload.Status.PENDING, strategy=FileUpload.Strategy.MULTIPART)
    begun = pending.exclude(multipart_upload_id="").order_by("pk")
    batch = list(begun[:BATCH])
    while batch:
        yield from batch
        batch = list(begun.filter(pk__gt=batch[-1].pk)[:BATCH])
