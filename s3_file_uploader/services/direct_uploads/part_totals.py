"""Add up the parts of a direct upload, and remove an upload whose parts exceed its limits.

A part URL of a file whose size was announced signs the size of its part. The sizes of other parts are open, up to 5 GiB
each, so they are added up: when the client asks for URLs, at the completion, and by housekeeping.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from django.db import Error

from ...exceptions import Conflict, FileTooLarge, InvalidInput, NotFound, QuotaExceeded, S3FileUploaderError
from ...models import FileUpload
from ...models.direct_transitions import claim_from_client
from ...models.transitions import count_incoming
from ...policy.bucket_policy import Policy
from ...s3.multipart import list_parts
from ...values import StoredPart
from ..limits import get_upload_policy, validate_size
from ..quota import hold_quota, validate_room
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
    total = _total(parts)
    try:
        policy = _validate_announced(upload, total)
        if policy is not None and policy.quota_bytes is not None and total > (upload.incoming_size or 0):
            with hold_quota(policy, total, upload):
                count_incoming(upload, total)
    except TOO_MUCH:
        # A request that has the parts joined checks the file itself.
        if claim_from_client(upload, unless_joining=True):
            remove_claimed(upload)
        raise


def validate_parts(upload: FileUpload, total: int) -> None:
    """Pass if the parts of an upload may come to so many bytes; nothing is counted.

    Raises:
        FileTooLarge, QuotaExceeded: they may not.
    """
    policy = _validate_announced(upload, total)
    if policy is not None:
        validate_room(policy, upload, total)


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
    pending = FileUpload.objects.filter(status=FileUpload.Status.PENDING, strategy=FileUpload.Strategy.MULTIPART)
    attempt = partial(_exceeds_limits, dry_run=dry_run)
    return try_each(pending.exclude(multipart_upload_id="").each_once(), attempt, on_removed)


def remove_if_excessive(upload: FileUpload) -> bool:
    """Remove a direct upload whose parts exceed its limits, and return True if it was removed; errors as `list_parts`.

    Args:
        upload: any record.
    """
    is_in_parts = upload.status == FileUpload.Status.PENDING and upload.strategy == FileUpload.Strategy.MULTIPART
    return is_in_parts and bool(upload.multipart_upload_id) and _exceeds_limits(upload)


def _exceeds_limits(upload: FileUpload, *, dry_run: bool = False) -> bool:
    parts = list_stored_parts(upload)
    try:
        validate_parts(upload, _total(parts)) if dry_run else validate_parts_total(upload, parts)
    except TOO_MUCH:
        return True
    return False


def try_each(
    uploads: Iterable[FileUpload], attempt: Callable[[FileUpload], bool], on_success: Callable[[FileUpload], object]
) -> tuple[int, int]:
    """Attempt something for each upload, and return the numbers of successes and of failures; the log says why.

    An upload that was completed or removed meanwhile is neither.
    """
    succeeded = failed = 0
    for upload in uploads:
        try:
            if attempt(upload):
                succeeded += 1
                on_success(upload)
        except (InvalidInput, NotFound, Conflict):
            continue
        except (S3FileUploaderError, Error) as error:
            logger.warning("Upload %s stays as it is until the next run: %s", upload.pk, error)
            failed += 1
    return succeeded, failed


def _validate_announced(upload: FileUpload, total: int) -> Policy | None:
    """Check against the announced size; without one, against the policy, which is returned for the quota."""
    if upload.size is None:
        policy = get_upload_policy(upload)
        validate_size(policy, total)
        return policy
    if total > upload.size:
        raise FileTooLarge(
            f"{upload.size} bytes were announced and the parts come to {total}: they were removed, start a new upload."
        )
    return None


def _total(parts: Sequence[StoredPart]) -> int:
    return sum(part.size for part in parts)
