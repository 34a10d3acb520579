"""The lock under which somebody's files are counted, so that many uploads at once cannot pass a quota together.

Nothing is added up beforehand: what counts are the records, and a sum that is kept could only ever be wrong. The lock
is a row that is written, not one that is read `for update`: that holds on SQLite too, and where a host isolates its
transactions more strictly, a request fails rather than to count what it cannot see.
"""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone


class UsageLockQuerySet(models.QuerySet["UsageLock"]):
    """Queries by meaning."""

    def take(self, user_id: Any) -> None:
        """Hold the lock of a user until the transaction ends that the caller is in; waits for whoever has it."""
        lock = self.filter(pk=user_id)
        if not lock.update(taken_at=timezone.now()):
            self.bulk_create([self.model(pk=user_id)], ignore_conflicts=True)
            lock.update(taken_at=timezone.now())


class UsageLock(models.Model):
    """The lock of one user; there is none before their first upload under a quota."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="s3_usage_lock"
    )
    taken_at = models.DateTimeField(default=timezone.now)

    objects = UsageLockQuerySet.as_manager()

    def __str__(self) -> str:
        """Return whose it is."""
        return f"{self.pk}"
