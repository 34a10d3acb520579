"""Add up the parts of a direct upload, and remove an upload whose parts exceed its limits.

A part URL of a file whose size was announced signs the size of its part. The sizes of other parts are open, up to 5 GiB
each, so they are added up: when the client asks for URLs, at the completion, and by housekeeping.
"""

import logging
from collections.abc import Callable, Sequence

from django.db import Error

from ...exceptions import Conflict, FileTooLarge, InvalidInput, NotFound, QuotaExceeded, S3FileUploaderError
from ...models import FileUpload
from ...models.direct_transitions import claim_from_client
from ...s3.multipart import list_parts
from ...values import StoredPart
from ..limits import count_parts, validate_parts
from ..recovery import remove_claimed

logger = logging.getLogger(__name__)

TOO_MUCH = (FileTooLarge, QuotaExceeded)


def list_stored_parts(upload: FileUpload) -> tuple[StoredPart, ...]:
    """Return the parts that S3 holds of an upload.

    Raises:
        FileNotFound: S3 does not know the multipart upload: it was completed or aborted.
        StorageProblem: S3 could not answer.
    """
    return list_parts(**upload.s3_address, upload_id=upload.multipart_upload_id)


def validate_parts_total(upload: FileUpload, parts: Sequence[StoredPart]) -> None:
    """Pass if the parts are not more than was announced, or than the policy allows.

    From now on the owner's quota counts the bytes of an upload without an announced size.

    Args:
        upload: pending, in parts.
        parts: all that S3 holds of it.

    Raises:
        FileTooLarge, QuotaExceeded: they are more; the upload was removed.
        ClaimLost: another request completed or removed it.
        StorageProblem: S3 could not remove it; housekeeping does.
    """
    try:
        count_parts(upload, _total(parts))
    except TOO_MUCH:
        # A request that has the parts joined checks the file itself.
        if claim_from_client(upload, unless_joining=True):
            remove_claimed(upload)
        raise


def remove_excessive(
    *, dry_run: bool = False, on_removed: Callable[[FileUpload], object] = lambda upload: None
) -> tuple[int, int]:
    """Remove the direct uploads whose parts exceed their limits, even if their clients ask for nothing.

    Args:
        dry_run: count them, and change nothing.
        on_removed: called with each of them.

    Returns:
        The number of removed uploads, and the number of uploads that failed; the log says why.
    """
    removed = failed = 0
    pending = FileUpload.objects.filter(status=FileUpload.Status.PENDING, strategy=FileUpload.Strategy.MULTIPART)
    for upload in pending.exclude(multipart_upload_id="").each_once():
        try:
            parts = list_stored_parts(upload)
            validate_parts(upload, _total(parts)) if dry_run else validate_parts_total(upload, parts)
        except TOO_MUCH:
            removed += 1
            on_removed(upload)
        except (InvalidInput, NotFound, Conflict):
            continue  # It was completed or removed meanwhile.
        except (S3FileUploaderError, Error) as error:
            logger.warning("The parts of upload %s are added up in the next run: %s", upload.pk, error)
            failed += 1
    return removed, failed


def _total(parts: Sequence[StoredPart]) -> int:
    return sum(part.size for part in parts)
