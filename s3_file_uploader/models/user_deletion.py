"""Decide what the database does to the records of a deleted user; migrations name this function."""

from typing import Any

from django.db import models

from ..conf import conf


def on_user_delete(collector: Any, field: Any, sub_objs: Any, using: str) -> None:
    """Protect the user, or leave the records without one; the setting is read at the time of the deletion.

    With `delete` the records stay too, until `receivers.py` has removed their objects from S3.

    Django calls it before the transaction of the deletion begins. A queryset that nobody has read is read only within
    that transaction, so it finds the records that came meanwhile, too: `receivers.lock_user` keeps out later ones.

    Raises:
        django.db.models.ProtectedError: the setting is `protect`.
    """
    if conf.when_user_deleted != "protect":
        models.SET_NULL(collector, field, sub_objs, using)
    elif sub_objs.exists():
        models.PROTECT(collector, field, sub_objs, using)


# As of SET_NULL: https://docs.djangoproject.com/en/5.2/ref/models/fields/#django.db.models.SET_NULL
on_user_delete.lazy_sub_objs = True  # type: ignore[attr-defined]
