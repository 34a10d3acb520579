"""The pages of the upload records: list and details. Staff can view, open, share and delete files."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from ..api.transactions import exempt_from_transactions
from ..models import FileUpload
from .filters import BucketFilter, ContentTypeFilter
from .paginator import LargeListAdmin
from .read_only import ReadOnly
from .searching import find_digest, find_named, find_user_ids, parse_id
from .storage_errors import respond
from .upload_actions import UploadActions
from .upload_columns import UploadColumns
from .upload_deletion import UploadDeletion
from .upload_files import UploadFiles
from .usage import UploadUsage
from .user_filter import UploadUserFilter, UserFilterMedia

FILE_FIELDS = ("original_name", "open_link", "file_name", "bucket", "exact_size", "content_type")


@admin.register(FileUpload)
class FileUploadAdmin(
    ReadOnly, UploadColumns, UploadActions, UploadDeletion, UploadFiles, UploadUsage, UserFilterMedia, LargeListAdmin
):
    """Show records. A deletion removes the object first."""

    list_display = ("name", "open_link", "bucket", "owner", "size_and_type", "state", "created_at")
    list_display_links = ("name",)
    list_filter = (
        *("status", UploadUserFilter, BucketFilter, ContentTypeFilter),
        ("created_at", admin.DateFieldListFilter),
    )
    list_select_related = ("user",)
    search_fields = ("file_name", "original_name")
    search_help_text = (
        "Search for a user, a whole id or a whole bucket/key. Parts of names and keys are found among the newest "
        "10,000 uploads that the filters leave."
    )
    fieldsets = (
        ("File", {"fields": FILE_FIELDS}),
        ("State", {"fields": ("status", "status_reason", "created", "completed", "duration", "attached")}),
        ("Related", {"fields": ("user_links", "share_links", "events")}),
        ("Checksums", {"fields": ("checksum_sha256", "etag")}),
        (
            "How it was sent",
            {
                "classes": ("collapse",),
                "fields": (
                    *("id", "strategy", "exact_part_size", "multipart_upload_id"),
                    *("claimed", "writable", "next_scan"),
                ),
            },
        ),
    )
    change_form_template = "admin/s3_file_uploader/fileupload/change_form.html"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Return all fields."""
        return [name for _, options in self.get_fieldsets(request, obj) for name in options["fields"]]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Add the preview of a file that a browser may show."""
        first, *others = super().get_fieldsets(request, obj)
        if obj and self.may_preview(obj):
            name, options = first
            first = (name, {**options, "fields": (*options["fields"], "preview")})
        return [first, *others]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find uploads by values that an index supports, and by parts of names among the newest."""
        text = search_term.strip()
        if not text:
            return queryset, False
        condition = Q(location_digest=find_digest(text)) | Q(user_id__in=find_user_ids(self.admin_site, request, text))
        if pk := parse_id(text):
            condition |= Q(pk=pk)
        return queryset.filter(condition | Q(pk__in=find_named(queryset, text, *self.search_fields))), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list or run an action, or show the error of S3."""
        return respond(self, request, lambda: super(FileUploadAdmin, self).changelist_view(request, extra_context))

    def get_urls(self) -> list[URLPattern]:
        """Keep ATOMIC_REQUESTS away from all views: a claim must be committed before the call to S3."""
        urls = super().get_urls()
        for url in urls:
            exempt_from_transactions(url.callback)
        return urls
