"""The columns of the list of uploads, and the fields of its details."""

from django.contrib import admin

from ..models import AuditEvent, FileUpload, ShareLink
from .formats import NOTHING, format_duration, format_exact_size, format_moment, format_size, format_two_lines
from .links import build_url, build_user_url, format_link, format_links

MAX_COUNTED = 1000


class UploadColumns:
    """Show names for people, exact values, and links to everything about an upload."""

    admin_site: admin.AdminSite

    @admin.display(description="name")
    def name(self, upload: FileUpload) -> str:
        """Return the name on the user's device, and the key below it."""
        return format_two_lines(upload.original_name, upload.file_name)

    @admin.display(description="size")
    def size_and_type(self, upload: FileUpload) -> str:
        """Return the size in the format of Django's `filesizeformat`, such as 3.5 MB, and the MIME type below it."""
        return format_two_lines(format_size(upload.size), upload.content_type)

    @admin.display(description="user")
    def owner(self, upload: FileUpload) -> str:
        """Return a link to all uploads of the user."""
        if upload.user is None:
            return NOTHING
        return format_link(build_url(self.admin_site, FileUpload, "changelist", user=upload.user_id), upload.user)

    @admin.display(description="status")
    def state(self, upload: FileUpload) -> str:
        """Return the status, and its reason below it."""
        return format_two_lines(upload.status, upload.status_reason)

    # --- details ---

    @admin.display(description="size")
    def exact_size(self, upload: FileUpload) -> str:
        """Return the size and its exact bytes."""
        return format_exact_size(upload.size)

    @admin.display(description="part size")
    def exact_part_size(self, upload: FileUpload) -> str:
        """Return the size of a part and its exact bytes."""
        return format_exact_size(upload.part_size)

    @admin.display(description="created")
    def created(self, upload: FileUpload) -> str:
        """Return the time of the start."""
        return format_moment(upload.created_at)

    @admin.display(description="completed")
    def completed(self, upload: FileUpload) -> str:
        """Return the time of the completion."""
        return format_moment(upload.completed_at)

    @admin.display(description="duration")
    def duration(self, upload: FileUpload) -> str:
        """Return the time between both."""
        return format_duration(upload.created_at, upload.completed_at)

    @admin.display(description="attached")
    def attached(self, upload: FileUpload) -> str:
        """Return since when a field of the host refers to the file, so that it cannot be deleted."""
        return format_moment(upload.attached_at)

    @admin.display(description="claimed until")
    def claimed(self, upload: FileUpload) -> str:
        """Return the end of the lease."""
        return format_moment(upload.claimed_until)

    @admin.display(description="writable until")
    def writable(self, upload: FileUpload) -> str:
        """Return the time until which the client may send bytes."""
        return format_moment(upload.writable_until)

    @admin.display(description="next scan after")
    def next_scan(self, upload: FileUpload) -> str:
        """Return the time of the next scan."""
        return format_moment(upload.scan_after)

    # --- related ---

    @admin.display(description="user")
    def user_links(self, upload: FileUpload) -> str:
        """Return links to the user, and to the uploads, share links and events of the user."""
        if upload.user is None:
            return NOTHING
        site, pk = self.admin_site, upload.user_id
        links = {
            str(upload.user): build_user_url(site, pk),
            "uploads": build_url(site, FileUpload, "changelist", user=pk),
            "share links": build_url(site, ShareLink, "changelist", user=pk),
            "audit events": build_url(site, AuditEvent, "changelist", user=pk),
        }
        return format_links(links)

    @admin.display(description="share links")
    def share_links(self, upload: FileUpload) -> str:
        """Return the number of share links, with a link to their list."""
        count = ShareLink.objects.filter(upload=upload).order_by()[:MAX_COUNTED].count()
        text = f"{count} share link{'' if count == 1 else 's'}"
        return format_link(build_url(self.admin_site, ShareLink, "changelist", upload=upload.pk), text)

    @admin.display(description="audit events")
    def events(self, upload: FileUpload) -> str:
        """Return a link to the events of this place, under any record."""
        url = build_url(self.admin_site, AuditEvent, "changelist", q=f"{upload.bucket}/{upload.file_name}")
        return format_link(url, "events of this file")
