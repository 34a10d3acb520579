"""The pages of the share links."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from .. import services
from ..api.requests.client_ip import get_client_address
from ..models import AuditEvent, FileUpload, ShareLink
from ..services.audit.trail import use_client_address
from .filters import ShareStateFilter, UploadFilter
from .formats import format_moment
from .links import build_url, build_user_url, format_link, format_links
from .paginator import LargeListAdmin
from .read_only import ReadOnly, get_staff
from .searching import find_digest, find_named, find_user_ids, parse_id
from .selection import LimitedDeletion, limit_selection
from .user_filter import UserFilter, UserFilterMedia


@admin.register(ShareLink)
class ShareLinkAdmin(ReadOnly, LimitedDeletion, UserFilterMedia, LargeListAdmin):
    """Show which files are shared by a link, and revoke links. The links themselves are not stored."""

    list_display = ("id", "file", "sharer", "state", "used", "created_at", "expires_at")
    list_filter = (ShareStateFilter, UserFilter, UploadFilter, ("created_at", admin.DateFieldListFilter))
    list_select_related = ("user", "upload")
    search_fields = ("id",)
    search_help_text = (
        "Search for a user, a whole bucket/key, or the whole id of a link or of an upload. Parts of names and keys are "
        "found among the newest 10,000 links that the filters leave."
    )
    actions = ("revoke_links", "delete_selected")
    fields = readonly_fields = (
        *("id", "file", "state", "used", "created", "expires", "revoked"),
        *("user_links", "events"),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find links by values that an index supports."""
        text = search_term.strip()
        if not text:
            return queryset, False
        pk = parse_id(text)
        uploads = FileUpload.objects.filter(location_digest=find_digest(text)).values_list("pk", flat=True)
        of_users = Q(user_id__in=find_user_ids(self.admin_site, request, text))
        named = Q(pk__in=find_named(queryset, text, "upload__file_name", "upload__original_name"))
        return queryset.filter(of_users | Q(upload_id__in=list(uploads)) | Q(pk=pk) | Q(upload_id=pk) | named), False

    # --- columns and fields ---

    @admin.display(description="file")
    def file(self, link: ShareLink) -> str:
        """Return a link to the record of the file."""
        return format_link(build_url(self.admin_site, FileUpload, "change", link.upload_id), link.upload)

    @admin.display(description="shared by")
    def sharer(self, link: ShareLink) -> str:
        """Return a link to all share links of the user."""
        return format_link(build_url(self.admin_site, ShareLink, "changelist", user=link.user_id), link.user)

    @admin.display(description="state")
    def state(self, link: ShareLink) -> str:
        """Return why the link is refused, or `usable`."""
        if link.revoked_at is not None:
            return "revoked"
        if link.expires_at <= timezone.now():
            return "expired"
        if link.max_downloads is not None and link.downloads >= link.max_downloads:
            return "used up"
        return "usable" if link.is_of_present_file else "file replaced"

    @admin.display(description="downloads")
    def used(self, link: ShareLink) -> str:
        """Return the number of downloads, and the limit."""
        return f"{link.downloads} of {link.max_downloads or 'any number'}"

    @admin.display(description="created")
    def created(self, link: ShareLink) -> str:
        """Return when the link was made."""
        return format_moment(link.created_at)

    @admin.display(description="expires")
    def expires(self, link: ShareLink) -> str:
        """Return when the link expires."""
        return format_moment(link.expires_at)

    @admin.display(description="revoked")
    def revoked(self, link: ShareLink) -> str:
        """Return when the link was revoked."""
        return format_moment(link.revoked_at)

    @admin.display(description="shared by")
    def user_links(self, link: ShareLink) -> str:
        """Return links to the user, and to the uploads and share links of the user."""
        site, pk = self.admin_site, link.user_id
        links = {
            str(link.user): build_user_url(site, pk),
            "uploads": build_url(site, FileUpload, "changelist", user=pk),
            "share links": build_url(site, ShareLink, "changelist", user=pk),
        }
        return format_links(links)

    @admin.display(description="audit events")
    def events(self, link: ShareLink) -> str:
        """Return links to the events of the link and of its file."""
        site, upload = self.admin_site, link.upload
        links = {
            "events of this link": build_url(site, AuditEvent, "changelist", q=link.pk),
            "events of this file": build_url(site, AuditEvent, "changelist", q=f"{upload.bucket}/{upload.file_name}"),
        }
        return format_links(links)

    # --- revoke ---

    @admin.action(description="Revoke selected share links", permissions=("delete",))
    def revoke_links(self, request: HttpRequest, queryset: QuerySet[ShareLink]) -> None:
        """Revoke links, so that the server refuses them."""
        links = limit_selection(self, request, queryset)
        if links is not None:
            self._revoke(request, links)
            self.message_user(request, "The links are revoked.", messages.SUCCESS)

    def delete_model(self, request: HttpRequest, obj: ShareLink) -> None:
        """Revoke the link before the deletion, so that the audit trail records it."""
        self._revoke(request, [obj])
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ShareLink]) -> None:
        """Revoke the links before the deletion."""
        self._revoke(request, queryset)
        super().delete_queryset(request, queryset)

    def _revoke(self, request: HttpRequest, links: Iterable[ShareLink]) -> None:
        with use_client_address(get_client_address(request)):
            for link in links:
                services.share_revoke(user=get_staff(request), share_id=link.pk)
