"""Store audit events as rows, where a setting asks for them. `services/audit/trail.py` makes them.

No foreign keys: an event outlives the user and the file that it is about, until housekeeping forgets it.
"""

import unicodedata
import uuid
from datetime import datetime
from typing import Any, Self

from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Q
from django.utils import timezone

from .queries import location_digest

MAX_TEXT_LENGTH = 255
MAX_NAME_LENGTH = 1024
# Cc, Cf, Cs: control, format (they turn text around) and half characters; Zl, Zp: ends of lines and paragraphs.
UNSHOWABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
JOINERS = "\u200c\u200d"


def showable(text: str, length: int) -> str:
    """Return the text with what breaks, hides or turns a line in Python's escapes, cut off at `length` characters.

    PostgreSQL keeps neither NUL nor half characters; nobody should be shown the others.
    """
    if text.isprintable():
        return text[:length]
    return "".join(_escaped(character) for character in text[:length])[:length]


def _escaped(character: str) -> str:
    if unicodedata.category(character) not in UNSHOWABLE or character in JOINERS:
        return character
    return character.encode("unicode_escape").decode()


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    """Queries by meaning."""

    def older_than(self, moment: datetime) -> Self:
        """Narrow to what happened before."""
        return self.filter(created_at__lt=moment)

    def at(self, *, bucket: str, file_name: str) -> Self:
        """Narrow to what is about one object, whichever records it had."""
        return self.filter(location_digest=location_digest(bucket, file_name))

    def about(self, text: str) -> Self:
        """Narrow to one object as `bucket/file name`, else to a user, an address, or an id; each of them whole."""
        bucket, slash, file_name = text.partition("/")
        if slash:
            return self.at(bucket=bucket, file_name=file_name)
        if _is_uuid(text):
            return self.filter(Q(object_id=text) | Q(user_id=text))
        if "." in text and not _users_named(text):
            return self.filter(Q(address=text) | Q(user_name=text))
        return self.filter(Q(user_id__in=[text, *_users_named(text)]) | Q(address=text))


class AuditEvent(models.Model):
    """One event: when, who, from where, what, to which object, and how it ended."""

    created_at = models.DateTimeField("when", default=timezone.now)
    user_id = models.CharField("user id", max_length=MAX_TEXT_LENGTH, blank=True, help_text="The primary key, as text.")
    user_name = models.CharField("user", max_length=MAX_TEXT_LENGTH, blank=True, help_text="The name at that time.")
    address = models.CharField(max_length=MAX_TEXT_LENGTH, blank=True, help_text="The client's, as far as known.")
    action = models.CharField(max_length=32)
    bucket = models.CharField(max_length=MAX_TEXT_LENGTH, blank=True)
    file_name = models.CharField(max_length=MAX_NAME_LENGTH, blank=True, help_text="The object key.")
    object_id = models.CharField("id", max_length=MAX_TEXT_LENGTH, blank=True, help_text="Of the record, or the token.")
    location_digest = models.CharField(max_length=64, blank=True, editable=False)
    outcome = models.CharField(max_length=64, help_text="ok, or the code of the error.")

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        """Newest first; one index for each way to look, in that order."""

        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=("-created_at", "-id"), name="s3_audit_newest"),
            models.Index(fields=("user_id", "-created_at", "-id"), name="s3_audit_of_user"),
            models.Index(fields=("location_digest", "-created_at", "-id"), name="s3_audit_of_object"),
        )

    def __str__(self) -> str:
        """Return what was done."""
        return f"{self.action}: {self.outcome}"

    @classmethod
    def made_of(cls, *, user: Any, action: str, outcome: str, **told: str) -> "AuditEvent":
        """Return an event that is not in the database yet, with everything in a shape that it keeps.

        Args:
            user: who asked, None if nobody is known.
            action: what for.
            outcome: how it ended.
            told: address, bucket, file_name, object_id.
        """
        event = cls(
            user_id="" if user is None else showable(str(user.pk), MAX_TEXT_LENGTH),
            user_name="" if user is None else showable(user.get_username(), MAX_TEXT_LENGTH),
            action=action[:32],
            outcome=outcome[:64],
            **{name: showable(text, _length_of(name)) for name, text in told.items()},
        )
        if event.file_name:
            event.location_digest = location_digest(event.bucket, event.file_name)
        return event


def _length_of(name: str) -> int:
    return MAX_NAME_LENGTH if name == "file_name" else MAX_TEXT_LENGTH


def _users_named(text: str) -> list[str]:
    model = get_user_model()
    users = model._default_manager.filter(**{model.USERNAME_FIELD: text})
    return [str(pk) for pk in users.values_list("pk", flat=True)]


def _is_uuid(text: str) -> bool:
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False
