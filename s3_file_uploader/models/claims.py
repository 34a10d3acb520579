"""A record that one request at a time may change: who holds the claim, and until when.

A row that is `pending` or `deleting` is claimed by one request, under a fresh `claim_id`, until `claimed_until`. Every
later step names the claim, so a request that lost its claim changes nothing. What is past `claimed_until` was left
by a crash: `services.settlement` makes it true again. `write_id` is the claim under which the object was last written,
or is being written; the object carries it.
"""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Any

from django.db import models, router, transaction
from django.utils import timezone

from ..conf import conf
from ..exceptions import FileExists

BUSY = "The file is being written or removed by another request right now: try again in a moment."


def durable_transaction_on(model: type[models.Model]) -> transaction.Atomic:
    """Return a transaction that is committed when it ends, before S3 is asked for anything.

    Raises:
        RuntimeError: on entry, inside another `atomic()` block, which could still take the claim back.
    """
    return transaction.atomic(using=router.db_for_write(model), durable=True)


# Around the statement that writes a record: a durable transaction in which something else holds, too.
Within = Callable[[Any], AbstractContextManager[Any]]


def durable_statement_on(model: type[models.Model]) -> AbstractContextManager[Any]:
    """Return what commits one statement before S3 is asked for anything: nothing, where the database does so by itself.

    A transaction around it would be two more round trips.

    Raises:
        RuntimeError: on entry, inside an `atomic()` block, as `durable_transaction_on`.
    """
    if transaction.get_autocommit(using=router.db_for_write(model)):
        return nullcontext()
    return durable_transaction_on(model)


def claim_end() -> datetime:
    """Return until when a claim holds that is made or renewed now."""
    return timezone.now() + timedelta(seconds=conf.claim_seconds)


class Claimed(models.Model):
    """Status and claim, and the steps from one to the next."""

    class Status(models.TextChoices):
        """See the drawing in `file_upload.py`."""

        PENDING = "pending"
        QUARANTINED = "quarantined"
        STORED = "stored"
        REJECTED = "rejected"
        DELETING = "deleting"

    # There is an object, all of it, and nobody is at work on it.
    WHOLE = (Status.STORED, Status.QUARANTINED)

    status = models.CharField(max_length=11, choices=Status.choices)
    claim_id = models.UUIDField(default=uuid.uuid4, editable=False)
    write_id = models.UUIDField(default=uuid.uuid4, editable=False)
    claimed_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        """A part of `FileUpload`."""

        abstract = True

    @property
    def is_abandoned(self) -> bool:
        """Whether a crash left it half-way."""
        return self.claimed_until is not None and self.claimed_until < timezone.now()

    def claim_to_settle(self) -> None:
        """Take an abandoned record as it is; whose bytes it waits for stays known, however often this is tried.

        Raises:
            FileExists: another request was faster.
        """
        self._claim(claim_id=uuid.uuid4())
        self.refresh_from_db()  # What was written under the claim before, since this record was read.

    def claim_renew(self) -> None:
        """Begin the time of the claim anew.

        Raises:
            FileExists: it is lost.
        """
        self._change(claimed_until=claim_end())

    def claim_keep(self) -> None:
        """Renew the claim once half of its time is over; cheap enough to be called for every part of a file.

        Raises:
            FileExists: it is lost.
        """
        if self.claimed_until is None or self.claimed_until - timezone.now() < timedelta(
            seconds=conf.claim_seconds / 2
        ):
            self.claim_renew()

    def claim_end_in(self, seconds: float) -> None:
        """Leave the record half-way: whoever comes after `seconds` may settle it."""
        self._change(claimed_until=timezone.now() + timedelta(seconds=seconds))

    def _claim(
        self,
        *,
        only_if: models.Q | None = None,
        within: "Within | None" = None,
        **values: Any,
    ) -> None:
        values["claimed_until"] = claim_end()
        free = models.Q(status__in=self.WHOLE) | models.Q(claimed_until__lt=timezone.now())
        with within(self) if within else durable_statement_on(type(self)):
            if not self._mine().filter(only_if or free).update(**values):
                raise FileExists(BUSY)
            self._take_over(values)  # Before `within` ends: it may write down the new claim.

    def _change(self, *, only_if: models.Q | None = None, **values: Any) -> None:
        if not self._mine().filter(only_if or models.Q()).update(**values):
            raise FileExists(BUSY)
        self._take_over(values)

    def _mine(self) -> "models.QuerySet[Any]":
        return type(self)._default_manager.filter(pk=self.pk, claim_id=self.claim_id)

    def _take_over(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            setattr(self, name, value)
