"""Search large tables: by user, by whole values that have an index, and by parts of names among the newest rows."""

import uuid
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from ..models import location_digest

MAX_USERS = 50
# Names have no index for their parts: a search among more rows would read the whole table.
NEWEST = 10_000
MAX_NAMED = 500
NOTHING = "0" * 64  # No digest.


def find_user_ids(site: AdminSite, request: HttpRequest, text: str) -> list[Any]:
    """Return the primary keys of users, found by the search fields of the host's own user admin, or by login name.

    Args:
        site: the site of the search.
        request: of a viewer. Without the right to view users, they search by whole login names only, which the lists
            show anyway: by other fields they could guess e-mail addresses.
        text: what the viewer typed.
    """
    model: Any = get_user_model()
    users = model._default_manager.filter(**{model.USERNAME_FIELD: text})
    if (user_admin := find_user_admin(site, request)) is not None:
        users, _ = user_admin.get_search_results(request, user_admin.get_queryset(request), text)
    return list(users.order_by("pk").values_list("pk", flat=True)[:MAX_USERS])


def find_user_admin(site: AdminSite, request: HttpRequest) -> Any:
    """Return the host's own admin of users, if it has search fields and the viewer may use it, or None."""
    model: Any = get_user_model()
    if not site.is_registered(model):
        return None
    user_admin = site.get_model_admin(model)
    may_search = user_admin.has_view_permission(request) and user_admin.get_search_fields(request)
    return user_admin if may_search else None


def parse_id(text: str) -> uuid.UUID | None:
    """Return the text as the id of a record, or None."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def has_nul(text: str) -> bool:
    """Return True if PostgreSQL cannot compare the text."""
    return "\0" in text


def find_digest(text: str) -> str:
    """Return the digest of the place `bucket/file name`, or a digest that no record has."""
    bucket, slash, file_name = text.partition("/")
    return location_digest(bucket, file_name) if slash else NOTHING


def find_named(newest: QuerySet[Any], text: str, *fields: str) -> list[Any]:
    """Return the primary keys of the rows whose fields contain all words, among the newest `NEWEST` rows.

    Args:
        newest: the rows that the filters of the list leave, newest first.
        text: one or more words.
        fields: names of fields.
    """
    oldest = newest.values_list("created_at", flat=True)[NEWEST - 1 : NEWEST].first()
    rows = newest if oldest is None else newest.filter(created_at__gte=oldest)
    for word in text.split():
        rows = rows.filter(_contains(word, fields))
    return list(rows.values_list("pk", flat=True)[:MAX_NAMED])


def _contains(word: str, fields: tuple[str, ...]) -> Q:
    condition = Q()
    for field in fields:
        condition |= Q(**{f"{field}__icontains": word})
    return condition
