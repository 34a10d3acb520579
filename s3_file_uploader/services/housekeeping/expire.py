"""Forget what is over: old Idempotency-Keys, upload tokens, share links and events."""

from datetime import timedelta

from django.utils import timezone

from ...conf import conf
from ...models import AuditEvent, IdempotencyKey, ShareLink, UploadToken

BATCH = 1000


def old_keys_forget(*, dry_run: bool) -> int:
    """Return how many keys nobody has to remember any more; they go, unless this is a dry run."""
    too_old = timezone.now() - timedelta(seconds=conf.idempotency_seconds)
    old = IdempotencyKey.objects.filter(created_at__lt=too_old)
    return old.count() if dry_run else old.delete()[0]


def old_tokens_forget(*, dry_run: bool) -> int:
    """Return of how many tokens the time is over; they go, unless this is a dry run."""
    old = UploadToken.objects.over()
    return old.count() if dry_run else old.delete()[0]


def old_shares_forget(*, dry_run: bool) -> int:
    """Return of how many share links the time is over; they go, unless this is a dry run."""
    old = ShareLink.objects.over()
    return old.count() if dry_run else old.delete()[0]


def old_events_forget(*, dry_run: bool) -> int:
    """Return how many events are older than S3_FILE_UPLOADER_AUDIT_DAYS; they go, unless this is a dry run.

    In batches, oldest first: no statement holds the table for long, and a run that is killed has done its part.
    """
    if conf.audit_days is None:
        return 0
    old = AuditEvent.objects.older_than(timezone.now() - timedelta(days=conf.audit_days)).order_by("created_at", "id")
    if dry_run:
        return old.count()
    forgotten = 0
    while batch := list(old.values_list("pk", flat=True)[:BATCH]):
        forgotten += AuditEvent.objects.filter(pk__in=batch).delete()[0]
    return forgotten
