"""A record whose bytes lie in S3, whole, and that nobody gets before the scanners have found them clean.

    quarantined ──clean──> stored
         └──infected──> deleting ──object gone──> rejected, which says why and leaves the key to others

A scan takes no claim, so that the file can be removed or overwritten meanwhile: what it found is written down only
while the record is still the one of which it read the bytes. `needs_scan` belongs to the object, and so outlasts a
claim that ends without having changed it.
"""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from ..conf import conf
from .claims import Claimed, claim_end, durable_statement_on

# No scan lets these pass: their bytes are not what was declared, and somebody has to look.
HELD_UNTIL = datetime(9999, 1, 1, tzinfo=UTC)
NOT_AS_DECLARED = "The bytes are not of the type that was declared."


class Quarantine(Claimed):
    """Whether a scan is wanted and when, what it said, and the steps that follow."""

    needs_scan = models.BooleanField(default=False, editable=False)
    scan_after = models.DateTimeField(
        null=True, editable=False, help_text="Somebody is scanning it, or it is no use to try, until then."
    )
    status_reason = models.TextField(blank=True, help_text="Why it was rejected, or what keeps it in quarantine.")
    etag = models.CharField(max_length=255, blank=True)

    class Meta:
        """A part of `FileUpload`."""

        abstract = True

    @property
    def is_being_rejected(self) -> bool:
        """Whether its object goes because of what it holds; the record stays then."""
        return self.status == self.Status.DELETING and bool(self.status_reason)

    @classmethod
    def held(cls, reason: str) -> dict[str, Any]:
        """Return what a record says of a whole object that stays in quarantine until somebody has it scanned again."""
        return {"status": cls.Status.QUARANTINED, "needs_scan": True, "scan_after": HELD_UNTIL, "status_reason": reason}

    @property
    def is_to_scan(self) -> bool:
        """Whether it waits for the scanners, and is not being scanned, as far as this process knows."""
        return self.status == self.Status.QUARANTINED and (self.scan_after is None or self.scan_after <= timezone.now())

    def scan_begin(self) -> bool:
        """Take it upon this process to scan the file; tell whether that is wanted, and nobody else is at it."""
        over = models.Q(scan_after=None) | models.Q(scan_after__lte=timezone.now())
        return self._quarantined_change(over, scan_after=claim_end())

    def scan_keep(self) -> bool:
        """Say that the scan goes on, once in a while; tell whether there still is what is being scanned."""
        if self.scan_after and self.scan_after - timezone.now() >= timedelta(seconds=conf.claim_seconds / 2):
            return True
        return self._quarantined_change(models.Q(), scan_after=claim_end())

    def scan_put_off(self, reason: str, *, until: datetime) -> None:
        """Leave the file in quarantine, not to be scanned before `until`."""
        self._quarantined_change(models.Q(), scan_after=until, status_reason=reason)

    def scan_again(self) -> bool:
        """Put a whole file into quarantine, or end its waiting there; tell whether it was one."""
        values = {"status": self.Status.QUARANTINED, "needs_scan": True, "scan_after": None, "status_reason": ""}
        return self._change_if(models.Q(status__in=self.WHOLE), values)

    def hold(self, reason: str) -> bool:
        """Put a file into quarantine until somebody has it scanned again; return True if it was still the same file."""
        same = models.Q(status__in=self.WHOLE, write_id=self.write_id, etag=self.etag)
        return self._change_if(same, self.held(reason))

    def mark_clean(self) -> bool:
        """Let the file be read; tell whether it was still the one that was scanned."""
        values = {"status": self.Status.STORED, "needs_scan": False, "scan_after": None, "status_reason": ""}
        return self._change_if(self._as_scanned(), values)

    def rejection_begin(self, reason: str) -> bool:
        """Claim the record to remove its object; tell whether it was still the one that was scanned."""
        values = {"status": self.Status.DELETING, "status_reason": reason, "claim_id": uuid.uuid4()}
        with durable_statement_on(type(self)):
            return self._change_if(self._as_scanned(), {**values, "claimed_until": claim_end(), "scan_after": None})

    def _whole(self, what_s3_holds: dict[str, Any]) -> dict[str, Any]:
        """Return what the record says of a whole object: of a new one, with scanners, that it is in quarantine."""
        if not what_s3_holds and self.scan_after == HELD_UNTIL:
            return {**self.held(self.status_reason or NOT_AS_DECLARED), "claimed_until": None}
        needs_scan = bool(conf.scanner_paths) if what_s3_holds else self.needs_scan
        status = self.Status.QUARANTINED if needs_scan else self.Status.STORED
        over = {"claimed_until": None, "scan_after": None, "status_reason": ""}
        return {"status": status, "needs_scan": needs_scan, **over, **what_s3_holds}

    def _as_scanned(self) -> models.Q:
        return models.Q(status=self.Status.QUARANTINED, write_id=self.write_id, etag=self.etag)

    def _quarantined_change(self, only_if: models.Q, **values: Any) -> bool:
        return self._change_if(self._as_scanned() & only_if, values)

    def _change_if(self, only_if: models.Q, values: dict[str, Any]) -> bool:
        is_done = bool(self._mine().filter(only_if).update(**values))
        if is_done:
            self._take_over(values)
        return is_done
