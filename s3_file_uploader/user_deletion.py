"""What the database does to the records of a user who is deleted; migrations name this function."""

from typing import Any

from django.db import models

from .conf import conf


def on_user_delete(collector: Any, field: Any, sub_objs: Any, using: str) -> None:
    """Protect the user, or leave the records without one; the setting is read at the time of the deletion.

    With `delete` the records stay too, until `receivers.py` has removed their objects from S3.

    Raises:
        django.db.models.ProtectedError: the setting is `protect`.
    """
    handler = models.PROTECT if conf.when_user_deleted == "protect" else models.SET_NULL
    handler(collector, field, sub_objs, using)
