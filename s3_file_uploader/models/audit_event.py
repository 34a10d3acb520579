"""Store audit events as rows, if a setting asks for them. `services/audit/trail.py` creates them.

An event has no foreign keys, because it outlives its user and its file, until housekeeping purges it.
"""

import unicodedata
import uuid
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, Self

from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Q
from django.utils import timezone

from ..policy.names import is_deceptive
from .queries import location_digest

MAX_TEXT_LENGTH = 255
MAX_NAME_LENGTH = 1024
NEWEST = 10_000


def escape_text(text: str, length: int) -> str:
    """Return the text with Python's escapes for characters that break, hide or reverse a line, cut to `length`.

    PostgreSQL stores neither NUL nor lone surrogates.
    """
    if text.isprintable():
        return text[:length]
    return "".join(_escape_character(character) for character in text[:length])[:length]


def _escape_character(character: str) -> str:
    is_surrogate = unicodedata.category(character) == "Cs"
    return character.encode("unicode_escape").decode() if is_surrogate or is_deceptive(character) else character


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    """Queries by meaning."""

    def older_than(self, moment: datetime) -> Self:
        """Narrow to events before a moment."""
        return self.filter(created_at__lt=moment)

    def at(self, *, bucket: str, file_name: str) -> Self:
        """Narrow to events about one object, under any record."""
        return self.filter(location_digest=location_digest(bucket, file_name))

    def about(self, text: str) -> Self:
        """Narrow to an object as `bucket/file name`, or to a user, an address or an id; each as a whole.

        Each has an index. The name of a deleted user is found among the newest `NEWEST` events only.
        """
        bucket, slash, file_name = text.partition("/")
        if slash:
            return self.at(bucket=bucket, file_name=file_name)
        if _is_uuid(text):
            return self.filter(Q(object_id=text) | Q(user_id=text))
        if _is_address(text):
            return self.filter(address=text)
        if users := _find_users(text):
            return self.filter(user_id__in=[text, *users])
        return self.filter(Q(user_id=text) | Q(user_name=text, created_at__gte=self._find_start_of_newest()))

    def _find_start_of_newest(self) -> datetime:
        """Return when the newest `NEWEST` events begin; names of deleted users have no index."""
        times = self.order_by("-created_at", "-id").values_list("created_at", flat=True)
        return times[NEWEST - 1 : NEWEST].first() or datetime.min.replace(tzinfo=UTC)


class AuditEvent(models.Model):
    """One event: time, user, address, action, object and outcome."""

    created_at = models.DateTimeField("when", default=timezone.now)
    user_id = models.CharField("user id", max_length=MAX_TEXT_LENGTH, blank=True, help_text="The primary key, as text.")
    user_name = models.CharField("user", max_length=MAX_TEXT_LENGTH, blank=True, help_text="The name at that time.")
    address = models.CharField(
        max_length=MAX_TEXT_LENGTH, blank=True, help_text="IP address of the client, if it is known."
    )
    action = models.CharField(max_length=32)
    bucket = models.CharField(max_length=MAX_TEXT_LENGTH, blank=True)
    file_name = models.CharField(max_length=MAX_NAME_LENGTH, blank=True, help_text="The object key.")
    object_id = models.CharField(
        "id", max_length=MAX_TEXT_LENGTH, blank=True, help_text="Id of the record or the token."
    )
    location_digest = models.CharField(max_length=64, blank=True, editable=False)
    outcome = models.CharField(max_length=64, help_text="ok, or the code of the error.")

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        """Newest first; one index for each kind of search, in that order."""

        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=("-created_at", "-id"), name="s3_audit_newest"),
            models.Index(fields=("user_id", "-created_at", "-id"), name="s3_audit_of_user"),
            models.Index(fields=("location_digest", "-created_at", "-id"), name="s3_audit_of_object"),
            models.Index(fields=("action", "-created_at", "-id"), name="s3_audit_by_action"),
            models.Index(fields=("address", "-created_at", "-id"), name="s3_audit_from_address"),
            models.Index(fields=("object_id", "-created_at", "-id"), name="s3_audit_of_id"),
            # Few events are refusals, so this index is small.
            models.Index(
                fields=("-created_at", "-id"),
                condition=~Q(outcome="ok") & ~Q(action="housekeeping"),
                name="s3_audit_refused",
            ),
        )

    def __str__(self) -> str:
        """Return action and outcome."""
        return f"{self.action}: {self.outcome}"

    @classmethod
    def build(cls, *, user: Any, action: str, outcome: str, **where: str) -> "AuditEvent":
        """Return an unsaved event, with every text in a form that any database stores.

        Args:
            user: the user of the request, or None.
            action: name of the action.
            outcome: `ok`, or the code of the error.
            where: address, bucket, file_name, object_id.
        """
        event = cls(
            user_id="" if user is None else escape_text(str(user.pk), MAX_TEXT_LENGTH),
            user_name="" if user is None else escape_text(user.get_username(), MAX_TEXT_LENGTH),
            action=action[:32],
            outcome=outcome[:64],
            **{
                name: escape_text(text, MAX_NAME_LENGTH if name == "file_name" else MAX_TEXT_LENGTH)
                for name, text in where.items()
            },
        )
        if event.file_name:
            event.location_digest = location_digest(event.bucket, event.file_name)
        return event


def _find_users(text: str) -> list[str]:
    model = get_user_model()
    users = model._default_manager.filter(**{model.USERNAME_FIELD: text})
    return [str(pk) for pk in users.values_list("pk", flat=True)]


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def _is_uuid(text: str) -> bool:
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False
