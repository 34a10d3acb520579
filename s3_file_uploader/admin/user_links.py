"""Links from the page of a user to everything that the user has here, for a host's own user admin."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from ..models import AuditEvent, FileUpload, ShareLink
from .links import build_url, format_links

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = object


class UserLinksMixin(ModelAdmin):
    """Add the section "Files" to a user admin: `class UserAdmin(UserLinksMixin, auth.UserAdmin)`."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Add the section, except on the page that adds a user."""
        fieldsets = super().get_fieldsets(request, obj)
        return fieldsets if obj is None else [*fieldsets, ("Files", {"fields": ("s3_links",)})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Add the links."""
        return [*super().get_readonly_fields(request, obj), "s3_links"]

    @admin.display(description="in S3")
    def s3_links(self, user: Any) -> str:
        """Return links to the uploads, the share links and the audit events of the user."""
        site = self.admin_site
        links = {
            "uploads": build_url(site, FileUpload, "changelist", user=user.pk),
            "share links": build_url(site, ShareLink, "changelist", user=user.pk),
            "audit events": build_url(site, AuditEvent, "changelist", user=user.pk),
        }
        return format_links(links)
