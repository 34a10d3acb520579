"""Purge expired rows: Idempotency-Keys, upload tokens, share links and audit events."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from ...conf import conf
from ...models import AuditEvent, IdempotencyKey, ShareLink, UploadToken

BATCH = 1000


def purge_expired(*, dry_run: bool) -> dict[str, int]:
    """Delete the expired rows of each table, or count them in a dry run.

    Returns:
        The numbers, under the names that they have in `HousekeepingReport`.
    """
    now = timezone.now()
    oldest_key = now - timedelta(seconds=conf.idempotency_seconds)
    return {
        "idempotency_keys_forgotten": _purge(IdempotencyKey.objects.filter(created_at__lt=oldest_key), dry_run),
        "upload_tokens_forgotten": _purge(UploadToken.objects.expired(), dry_run),
        "share_links_forgotten": _purge(ShareLink.objects.expired(), dry_run),
        "audit_events_forgotten": _purge_audit_events(dry_run),
    }


def _purge(rows: QuerySet[Any], dry_run: bool) -> int:
    return rows.count() if dry_run else rows.delete()[0]


def _purge_audit_events(dry_run: bool) -> int:
    """Delete the events older than S3_FILE_UPLOADER_AUDIT_DAYS, in batches that lock the table only for a moment."""
    if conf.audit_days is None:
        return 0
    old = AuditEvent.objects.older_than(timezone.now() - timedelta(days=conf.audit_days)).order_by("created_at", "id")
    if dry_run:
        return old.count()
    purged = 0
    while batch := list(old.values_list("pk", flat=True)[:BATCH]):
        purged += AuditEvent.objects.filter(pk__in=batch).delete()[0]
    return purged
