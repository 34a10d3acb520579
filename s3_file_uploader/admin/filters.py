"""Lists of the admin over millions of rows: nothing counts them all, or reads them all to offer a filter."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from ..services.audit.trail import ACTIONS, OK

MAX_SHOWN = 10_000
if TYPE_CHECKING:
    AnyPaginator = Paginator[Any]
else:
    AnyPaginator = Paginator


class ShortPaginator(AnyPaginator):
    """Pages through the first rows only: whoever looks for older ones takes a filter or searches."""

    @cached_property
    def count(self) -> int:
        """Count no further than `MAX_SHOWN`."""
        rows: Any = self.object_list
        return int(rows[:MAX_SHOWN].count())


class ActionFilter(admin.SimpleListFilter):
    """By what was done; the database is not asked what there is."""

    title, parameter_name = "action", "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        """Return all that the audit trail knows."""
        return [(name, name.replace("_", " ")) for name in sorted(ACTIONS)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow to the chosen one."""
        return queryset.filter(action=self.value()) if self.value() else queryset


class OutcomeFilter(admin.SimpleListFilter):
    """By whether it was done."""

    title, parameter_name = "outcome", "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        """Return the two that matter."""
        return [("done", "done"), ("not_done", "refused or failed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow to the chosen ones; what housekeeping did is told in its own words."""
        match self.value():
            case "done":
                return queryset.filter(outcome=OK) | queryset.filter(action="housekeeping")
            case "not_done":
                return queryset.exclude(outcome=OK).exclude(action="housekeeping")
        return queryset
