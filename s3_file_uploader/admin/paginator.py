"""A paginator for lists of millions of rows. It never counts the whole table."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse

MAX_SHOWN = 10_000
if TYPE_CHECKING:
    AnyPaginator = Paginator[Any]
    AnyModelAdmin = admin.ModelAdmin[Any]
else:
    AnyPaginator = Paginator
    AnyModelAdmin = admin.ModelAdmin


class ShortPaginator(AnyPaginator):
    """Page through the first `MAX_SHOWN` rows only. Filters and searches find the other rows."""

    @cached_property
    def count(self) -> int:
        """Count at most `MAX_SHOWN` rows, in any order."""
        rows: Any = self.object_list
        return int(rows.order_by()[:MAX_SHOWN].count())


class LargeListAdmin(AnyModelAdmin):
    """A list that reads no more rows of its table than it shows, whatever a user clicks.

    Only the time can be sorted by, because each list has an index in that order. Facets would count the whole table.
    """

    paginator = ShortPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ("created_at",)
    list_per_page = 50
    list_max_show_all = 50

    class Media:
        """One stylesheet. There is no inline style or script, so a strict Content-Security-Policy works."""

        css = {"all": ("s3_file_uploader/admin.css",)}  # noqa: RUF012 - as Django documents it

    def get_list_notes(self, request: HttpRequest) -> list[str]:
        """Return the sentences above the list."""
        return []

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list with its notes."""
        notes = {"list_notes": self.get_list_notes(request), "max_shown": MAX_SHOWN}
        return super().changelist_view(request, {**notes, **(extra_context or {})})
