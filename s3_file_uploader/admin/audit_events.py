"""The pages of the audit events."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from ..conf import conf
from ..models import AuditEvent, FileUpload, ShareLink
from .filters import ActionFilter, OutcomeFilter
from .formats import NOTHING, format_moment
from .links import build_url, build_user_url, format_link, format_links
from .paginator import LargeListAdmin
from .read_only import ReadOnly
from .searching import parse_id
from .user_filter import EventUserFilter, UserFilterMedia, find_user_id

ROWS_ARE_OFF = (
    "The list gets no new events, because S3_FILE_UPLOADER_AUDIT_ROWS is off. They are in the log only, under the "
    "logger s3_file_uploader.audit. Set it to True in the settings of the project to list them here."
)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly, UserFilterMedia, LargeListAdmin):
    """Show and search the audit events. They cannot be changed or deleted. Housekeeping deletes expired events."""

    list_display = ("created_at", "user_name", "address", "action", "outcome", "place")
    list_display_links = ("created_at",)
    list_filter = (OutcomeFilter, EventUserFilter, ("created_at", admin.DateFieldListFilter), ActionFilter)
    search_fields = ("object_id",)  # Django shows the search field only if this is set. `get_search_results` searches.
    search_help_text = "Search for a whole user name or primary key, bucket/file name, id or address."
    actions = None
    fields = readonly_fields = (
        *("moment", "action", "outcome", "user_id", "user_name", "user_links", "address"),
        *("bucket", "file_name", "object_id", "object_links"),
    )

    def get_list_notes(self, request: HttpRequest) -> list[str]:
        """Return the reason why the list stays empty, if rows are off."""
        return [] if conf.audit_rows else [ROWS_ARE_OFF]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Compare whole values, which the indexes support. A search for parts of values would read the whole table."""
        events: Any = queryset
        text = search_term.strip()
        return (events.about(text) if text else events), False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        """Return False, because events are evidence until they expire."""
        return False

    @admin.display(description="file")
    def place(self, event: AuditEvent) -> str:
        """Return bucket and key, with a link to the upload that has this place now."""
        if not event.file_name:
            return event.bucket or NOTHING
        name = f"{event.bucket}/{event.file_name}"
        return format_link(build_url(self.admin_site, FileUpload, "changelist", q=name), name)

    @admin.display(description="when")
    def moment(self, event: AuditEvent) -> str:
        """Return the time and its exact value."""
        return format_moment(event.created_at)

    @admin.display(description="of this user")
    def user_links(self, event: AuditEvent) -> str:
        """Return links to the user, if the user still exists, and to the uploads and events of the user."""
        if not event.user_id:
            return NOTHING
        site = self.admin_site
        events = {"events": build_url(site, AuditEvent, "changelist", user=event.user_id)}
        if find_user_id(event.user_id) is None:
            return format_links(events)
        links = {
            "user": build_user_url(site, event.user_id),
            "uploads": build_url(site, FileUpload, "changelist", user=event.user_id),
            "share links": build_url(site, ShareLink, "changelist", user=event.user_id),
        }
        return format_links(links | events)

    @admin.display(description="of this object")
    def object_links(self, event: AuditEvent) -> str:
        """Return links to the upload or the share link, if it still exists, and to the events of the place."""
        site, pk, links = self.admin_site, parse_id(event.object_id), {}
        if pk and FileUpload.objects.filter(pk=pk).exists():
            links["upload"] = build_url(site, FileUpload, "change", pk)
        if pk and ShareLink.objects.filter(pk=pk).exists():
            links["share link"] = build_url(site, ShareLink, "change", pk)
        if event.file_name:
            links["events of this file"] = build_url(
                site, AuditEvent, "changelist", q=f"{event.bucket}/{event.file_name}"
            )
        return format_links(links)
