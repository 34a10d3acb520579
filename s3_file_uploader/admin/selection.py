"""Limit how many rows an action takes in one request, because each of them may be several calls to S3."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy

MAX_SELECTED = 200
DELETE_SELECTED = gettext_lazy("Delete selected %(verbose_name_plural)s")
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = object


def limit_selection(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[Any], at_most: int = MAX_SELECTED
) -> QuerySet[Any] | None:
    """Return the selected rows, newest first, or None and a message if there are too many.

    "Select all" selects all rows that the filters leave, even those that the list does not show.
    """
    pks = list(queryset.values_list("pk", flat=True)[: at_most + 1])
    if len(pks) <= at_most:
        rows: QuerySet[Any] = model_admin.model._default_manager.filter(pk__in=pks)
        return rows
    model_admin.message_user(request, f"Nothing was done. Select at most {at_most} rows at a time.", messages.ERROR)
    return None


class LimitedDeletion(ModelAdmin):
    """Delete a limited number of rows at a time."""

    @admin.action(permissions=["delete"], description=DELETE_SELECTED)
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask, then delete the rows."""
        rows = limit_selection(self, request, queryset)
        return None if rows is None else delete_selected(self, request, rows)
