"""Filters of large tables. Each uses an index, and none reads the whole table to offer its choices."""

from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from ..models import FileUpload
from ..models.distinct import list_values
from ..services.audit.trail import ACTIONS, OK
from .searching import has_nul, parse_id

MAX_CHOICES = 30


class ValuesFilter(admin.SimpleListFilter):
    """Filter by a column with few values. An address may name a value that the list of choices leaves out."""

    field = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        """Return the first values of the column."""
        values = list_values(model_admin.model, self.field, at_most=MAX_CHOICES)
        if (chosen := self.value()) and chosen not in values:
            values.append(chosen)
        return [(value, value) for value in values if value]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the chosen value."""
        if not (value := self.value()):
            return queryset
        return queryset.none() if has_nul(value) else queryset.filter(**{self.field: value})

    def has_output(self) -> bool:
        """Return True even for one value, so that the filter does not appear and vanish."""
        return bool(self.lookup_choices)


class BucketFilter(ValuesFilter):
    """Filter uploads by bucket."""

    title = parameter_name = field = "bucket"


class ContentTypeFilter(ValuesFilter):
    """Filter uploads by MIME type."""

    title, parameter_name, field = "content type", "content_type", "content_type"


class UploadFilter(admin.SimpleListFilter):
    """Filter share links by upload. Only links of other pages choose one, so it appears only then."""

    title, parameter_name = "upload", "upload"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        """Return the chosen upload."""
        value = self.value()
        pk = parse_id(value or "")
        upload = FileUpload.objects.filter(pk=pk).first() if pk else None
        return [(value, str(upload or value))] if value else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the chosen upload."""
        value = self.value()
        return queryset.filter(upload_id=parse_id(value)) if value else queryset


class ShareStateFilter(admin.SimpleListFilter):
    """Filter share links by their state."""

    title = parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        """Return the states."""
        return [("usable", "usable"), ("expired", "expired"), ("revoked", "revoked"), ("used_up", "used up")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the chosen state."""
        links: Any = queryset
        match self.value():
            case "usable":
                return links.usable()  # type: ignore[no-any-return]
            case "expired":
                return links.filter(expires_at__lte=timezone.now())  # type: ignore[no-any-return]
            case "revoked":
                return links.exclude(revoked_at=None)  # type: ignore[no-any-return]
            case "used_up":
                return links.filter(downloads__gte=F("max_downloads"))  # type: ignore[no-any-return]
        return queryset


class ActionFilter(admin.SimpleListFilter):
    """Filter by action, without a query for the actions in the table."""

    title, parameter_name = "action", "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        """Return all actions of the audit trail."""
        return [(name, name.replace("_", " ")) for name in sorted(ACTIONS)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the chosen action."""
        return queryset.filter(action=self.value()) if self.value() in ACTIONS else queryset


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
