"""The steps of a record from one status to the next; `file_upload.py` has the drawing.

A scan takes no claim, so that the file can be removed or overwritten meanwhile. Its result is written only while the
record still describes the bytes that were scanned.
"""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import router, transaction
from django.db.models import Q

from ..conf import conf
from .clock import shared_now
from .file_upload import FileUpload
from .lease import build_pending, change_claimed, claimed_row, durable_statement, is_half_over, lease_end, try_change
from .queries import location_digest

Status = FileUpload.Status
WHOLE = Q(status__in=FileUpload.WHOLE)
# No scan releases these files: their bytes are not of the declared type, and a person has to look.
HELD_UNTIL = datetime(9999, 1, 1, tzinfo=UTC)
NOT_AS_DECLARED = "The bytes are not of the type that was declared."


def count_incoming(upload: FileUpload, size: int) -> None:
    """Write how many bytes have come through this server so far.

    Raises:
        ClaimLost: another request took the record.
    """
    change_claimed(upload, incoming_size=size)


def mark_stored(upload: FileUpload, *, only_if: Q | None = None, **described: Any) -> None:
    """Record that the bytes are in S3, whole, and end the lease; with scanners, new bytes go into quarantine.

    Args:
        upload: the claimed record.
        only_if: a condition on the record.
        described: new values of size, etag, content_type, checksum_sha256, completed_at, original_name, adopted_at;
            empty if the object is the one from before the claim.

    Raises:
        ClaimLost: another request took the record, so the bytes may be that request's.
    """
    change_claimed(upload, only_if=only_if, incoming_size=None, **_whole_values(upload, described))


def _whole_values(upload: FileUpload, described: dict[str, Any]) -> dict[str, Any]:
    if not described and upload.scan_after == HELD_UNTIL:
        return {**held_values(upload.status_reason or NOT_AS_DECLARED), "claimed_until": None}
    needs_scan = bool(conf.scanner_paths) if described else upload.needs_scan
    status = Status.QUARANTINED if needs_scan else Status.STORED
    ended = {"claimed_until": None, "scan_after": None, "status_reason": ""}
    return {"status": status, "needs_scan": needs_scan, **ended, **described}


def remove_record(upload: FileUpload) -> None:
    """Remove a claimed record whose object is gone or was never made.

    While bytes may still come, the record stays without an owner for housekeeping to end. A record that is being
    rejected stays with its owner, to say why.
    """
    # A transfer that began before the URL expired may end later.
    end = upload.writable_until and upload.writable_until + timedelta(seconds=conf.claim_seconds)
    late = end if end is not None and end >= shared_now() else None
    if upload.is_being_rejected:
        _mark_rejected(upload, late)
    elif late is None or upload.status == Status.REJECTED:
        claimed_row(upload).delete()
    else:
        upload.idempotency_keys.all().delete()
        upload.share_links.all().delete()
        claimed_row(upload).update(status=Status.DELETING, user=None, claimed_until=late)


def _mark_rejected(upload: FileUpload, late: datetime | None) -> None:
    """Free the key; if bytes may come until `late`, add a record by which housekeeping finds them."""
    nowhere = location_digest("", str(upload.pk))  # No bucket has an empty name.
    with transaction.atomic(using=router.db_for_write(FileUpload)):
        still = Q(status=Status.DELETING) & ~Q(status_reason="")  # The deletion of its user clears the reason.
        change_claimed(upload, only_if=still, status=Status.REJECTED, location_digest=nowhere, claimed_until=None)
        if late is not None:
            _insert_late(upload, late)


def _insert_late(upload: FileUpload, late: datetime) -> None:
    names = ("bucket", "file_name", "original_name", "content_type", "strategy", "multipart_upload_id", "part_size")
    record = build_pending(**{name: getattr(upload, name) for name in (*names, "writable_until")}, claimed_until=late)
    record.status = Status.DELETING
    record.save(force_insert=True)


# --- quarantine ------------------------------------------------------------------------------------------------------


def held_values(reason: str) -> dict[str, Any]:
    """Return the values of a whole file that stays in quarantine until a user asks for another scan."""
    return {"status": Status.QUARANTINED, "needs_scan": True, "scan_after": HELD_UNTIL, "status_reason": reason}


def begin_scan(upload: FileUpload) -> bool:
    """Reserve the scan of a file for this process; return False if there is nothing to scan or another is scanning."""
    is_free = Q(scan_after=None) | Q(scan_after__lte=shared_now())
    return try_change(upload, only_if=_as_scanned(upload) & is_free, scan_after=lease_end())


def keep_scan(upload: FileUpload) -> bool:
    """Renew the reservation once half of it is over; return False if the scanned bytes are no longer the file's."""
    return not is_half_over(upload.scan_after) or postpone_scan(upload, until=lease_end())


def postpone_scan(upload: FileUpload, *, until: datetime, **reason: str) -> bool:
    """Leave the file in quarantine until then; return False if it is not there any more.

    Args:
        upload: the record.
        until: when the next scan may begin.
        reason: `status_reason`, if it changes.
    """
    return try_change(upload, only_if=_as_scanned(upload), scan_after=until, **reason)


def request_scan(upload: FileUpload) -> bool:
    """Put a whole file into quarantine, to be scanned at once; return False if it is not whole."""
    values = {"status": Status.QUARANTINED, "needs_scan": True, "scan_after": None, "status_reason": ""}
    return try_change(upload, only_if=WHOLE, **values)


def hold(upload: FileUpload, reason: str) -> bool:
    """Keep a file in quarantine until a user asks for a scan; return False if it is not the same file any more."""
    is_same = WHOLE & Q(write_id=upload.write_id, etag=upload.etag)
    return try_change(upload, only_if=is_same, **held_values(reason))


def mark_clean(upload: FileUpload) -> bool:
    """Release a file from quarantine; return False if it is not the file that was scanned."""
    values = {"status": Status.STORED, "needs_scan": False, "scan_after": None, "status_reason": ""}
    return try_change(upload, only_if=_as_scanned(upload), **values)


def begin_rejection(upload: FileUpload, reason: str) -> bool:
    """Claim the record to remove its object; return False if it is not the file that was scanned."""
    values = {"status": Status.DELETING, "status_reason": reason, "scan_after": None}
    with durable_statement():
        return try_change(
            upload, only_if=_as_scanned(upload), claim_id=uuid.uuid4(), claimed_until=lease_end(), **values
        )


def _as_scanned(upload: FileUpload) -> Q:
    return Q(status=Status.QUARANTINED, write_id=upload.write_id, etag=upload.etag)
