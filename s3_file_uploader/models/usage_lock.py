"""The lock under which a user's files are counted, so that concurrent uploads cannot exceed a quota together.

No sum is stored, because it could drift from the records. To take the lock, a request writes the row instead of reading
it `for update`: that works on SQLite too, and under a stricter isolation level the request fails instead of counting
without the newest records.
"""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone


class UsageLockQuerySet(models.QuerySet["UsageLock"]):
    """Queries by meaning."""

    def take(self, user_id: Any) -> None:
        """Wait for the lock of a user, and hold it until the caller's transaction ends."""
        lock = self.filter(pk=user_id)
        if not lock.update(taken_at=timezone.now()):
            self.bulk_create([self.model(pk=user_id)], ignore_conflicts=True)
            lock.update(taken_at=timezone.now())


class UsageLock(models.Model):
    """The lock of one user; the first upload under a quota creates it."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="s3_usage_lock"
    )
    taken_at = models.DateTimeField(default=timezone.now)

    objects = UsageLockQuerySet.as_manager()

    def __str__(self) -> str:
        """Return the id of the user."""
        return f"{self.pk}"
