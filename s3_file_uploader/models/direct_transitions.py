"""The steps of a direct upload: the client sends the bytes to S3 itself, and several requests may serve it at once.

The record is pending until the upload is completed or its lease, which is the client's, expires. Its key is unique to
it, so every object and part under the key belongs to it. `writable_until` is the time until which an object may still
appear: by a signed URL, or by S3 joining the parts, which one request at a time asks for. A record that is removed
before that time stays `deleting` without an owner, and housekeeping looks once more.
"""

import uuid
from datetime import datetime, timedelta

from django.db.models import Q

from ..conf import conf
from ..exceptions import ClaimLost
from .clock import shared_now
from .file_upload import FileUpload
from .lease import BUSY, PENDING, change_claimed, claimed_row, is_half_over, lease_end, try_change


def _not_joining() -> Q:
    return Q(writable_until=None) | Q(writable_until__lte=shared_now())


def client_lease_end(upload: FileUpload) -> datetime:
    """Return when the client's lease ends if it is renewed now.

    Raises:
        ClaimLost: S3_FILE_UPLOADER_DIRECT_MAX_SECONDS is over.
    """
    now, last = shared_now(), upload.created_at + timedelta(seconds=conf.direct_max_seconds)
    if last <= now:
        raise ClaimLost(BUSY)
    return min(now + timedelta(seconds=conf.direct_expiration_seconds), last)


def renew_client_lease(upload: FileUpload, **values: datetime) -> None:
    """Give the client its full time to complete the upload.

    Args:
        upload: pending.
        values: a new `writable_until`.

    Raises:
        ClaimLost: the upload was completed or removed, or S3_FILE_UPLOADER_DIRECT_MAX_SECONDS is over.
    """
    end = client_lease_end(upload)
    change_claimed(upload, only_if=PENDING, claimed_until=max(upload.claimed_until or end, end), **values)


def mark_multipart_begun(upload: FileUpload, multipart_upload_id: str) -> None:
    """Write, once, under which id S3 takes the parts, and start the client's lease.

    Raises:
        ClaimLost: another request began the multipart upload, or removed the record.
    """
    is_first = PENDING & Q(multipart_upload_id="")
    end = client_lease_end(upload)
    change_claimed(upload, only_if=is_first, multipart_upload_id=multipart_upload_id, claimed_until=end)


def remove_unbegun(upload: FileUpload) -> None:
    """Remove the record of an upload that S3 refused to begin, unless another request began it."""
    claimed_row(upload).filter(PENDING, multipart_upload_id="").delete()


def keep_completion_lease(upload: FileUpload) -> None:
    """Keep the upload from expiring while it is completed.

    Raises:
        ClaimLost: it was completed or removed by another request.
    """
    if is_half_over(upload.claimed_until):
        change_claimed(upload, only_if=PENDING, claimed_until=lease_end())


def begin_joining(upload: FileUpload) -> bool:
    """Reserve for this request the call that has S3 join the parts; return False if another request has it.

    A store that joins them twice at the same time may lose the file: the JuiceFS gateway does.

    Raises:
        ClaimLost: the upload was completed or removed by another request.
    """
    end = lease_end()
    times = {"writable_until": end, "claimed_until": max(upload.claimed_until or end, end)}
    if try_change(upload, only_if=PENDING & _not_joining(), **times):
        return True
    refresh_times(upload)
    return False


def end_joining(upload: FileUpload, seconds: float) -> None:
    """Let other requests join the parts after `seconds`.

    Raises:
        ClaimLost: the upload was completed or removed by another request.
    """
    is_ours = PENDING & Q(writable_until=upload.writable_until)
    change_claimed(upload, only_if=is_ours, writable_until=shared_now() + timedelta(seconds=seconds))


def refresh_times(upload: FileUpload) -> None:
    """Read the times that other requests wrote to a pending upload.

    Raises:
        ClaimLost: it was completed or removed by another request.
    """
    times = claimed_row(upload).filter(PENDING).values("claimed_until", "writable_until").first()
    if times is None:
        raise ClaimLost(BUSY)
    upload.claimed_until, upload.writable_until = times["claimed_until"], times["writable_until"]


def claim_from_client(upload: FileUpload, *, unless_joining: bool = False) -> bool:
    """Take the upload from its client, to remove it; return False if it was left.

    Args:
        upload: pending.
        unless_joining: leave it while S3 is joining its parts.

    Raises:
        ClaimLost: it was completed or removed by another request.
    """
    waits = unless_joining and upload.strategy == FileUpload.Strategy.MULTIPART
    free = PENDING & _not_joining() if waits else PENDING
    values = {"status": FileUpload.Status.DELETING, "claim_id": uuid.uuid4(), "claimed_until": lease_end()}
    if not try_change(upload, only_if=free, **values):
        refresh_times(upload)
        return False
    upload.refresh_from_db()  # Other requests may have written to it since this one read it.
    return True


def expect_late_parts(upload: FileUpload) -> None:
    """Make housekeeping look once more: S3 may keep a part that was in transit when its upload was aborted.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html

    Raises:
        ClaimLost: another request took the record.
    """
    if upload.multipart_upload_id:
        now = shared_now()
        change_claimed(upload, writable_until=max(upload.writable_until or now, now))
