"""Filters and paginator for admin lists of millions of rows. They never count or read the whole table."""

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
    """Page through the first `MAX_SHOWN` rows only. Filters and searches find the other rows."""

    @cached_property
    def count(self) -> int:
        """Count at most `MAX_SHOWN` rows."""
        rows: Any = self.object_list
        return int(rows[:MAX_SHOWN].count())


class ActionFilter(admin.SimpleListFilter):
    """Filter by action, without a query for the actions in the table."""

    title, parameter_name = "action", "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        """Return all actions of the audit trail."""
        return [(name, name.replace("_", " ")) for name in sorted(ACTIONS)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the chosen action."""
        return queryset.filter(action=self.value()) if self.value() else queryset


class OutcomeFilter(admin.SimpleListFilter):
    """Filter by success."""

    title, parameter_name = "outcome", "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        """Return the choices."""
        return [("done", "done"), ("not_done", "refused or failed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the chosen outcome. Each outcome of housekeeping counts as done."""
        match self.value():
            case "done":
                return queryset.filter(outcome=OK) | queryset.filter(action="housekeeping")
            case "not_done":
                return queryset.exclude(outcome=OK).exclude(action="housekeeping")
        return queryset
