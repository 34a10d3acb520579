"""The last run of housekeeping, in one row: the hosts that run it need not be those that ask about it."""

from typing import Self

from django.db import models
from django.utils import timezone

ONLY = 1


class HousekeepingRun(models.Model):
    """When the last run on any host ended, and if it left nothing to the next one."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    ended_at = models.DateTimeField(default=timezone.now)
    is_complete = models.BooleanField()

    def __str__(self) -> str:
        """Return the time."""
        return f"{self.ended_at:%Y-%m-%d %H:%M}"

    @staticmethod
    def record(*, is_complete: bool) -> None:
        """Record that a run has ended now."""
        values = {"ended_at": timezone.now(), "is_complete": is_complete}
        if not HousekeepingRun.objects.filter(pk=ONLY).update(**values):
            HousekeepingRun.objects.bulk_create([HousekeepingRun(pk=ONLY, **values)], ignore_conflicts=True)

    @classmethod
    def find_last(cls) -> Self | None:
        """Return the last run, or None if there was none yet."""
        return cls.objects.first()
