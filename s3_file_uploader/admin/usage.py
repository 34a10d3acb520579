"""The page that shows who uses how many bytes in which bucket."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from ..models import FileUpload
from ..models.usage_sums import MAX_ADDED, MAX_USERS, BucketSum, UserSum, add_up_usage
from .formats import format_exact_size, format_size
from .links import build_url
from .user_filter import NO_USER, find_user_id

MAX_BUCKETS = 10
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[FileUpload]
else:
    ModelAdmin = object


class UsageForm(forms.Form):
    """Narrow the sums."""

    user = forms.CharField(
        required=False, label="User", widget=forms.TextInput({"placeholder": "Login name or primary key"})
    )
    bucket = forms.CharField(required=False, label="Bucket", max_length=63)


class UploadUsage(ModelAdmin):
    """The page `usage/` of the uploads."""

    def get_urls(self) -> list[URLPattern]:
        """Add the URL of the page."""
        view = self.admin_site.admin_view(require_safe(self.usage_view))
        return [path("usage/", view, name="s3_file_uploader_fileupload_usage"), *super().get_urls()]

    def usage_view(self, request: HttpRequest) -> HttpResponse:
        """Show the largest sums.

        Raises:
            PermissionDenied: the user may not view uploads.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = UsageForm(request.GET)
        query = form.cleaned_data if form.is_valid() else {"user": "", "bucket": ""}
        user_id = find_user_id(query["user"]) if query["user"] else None
        is_unknown = bool(query["user"]) and user_id is None
        sums = None if is_unknown else add_up_usage(self.get_queryset(request), user_id=user_id, bucket=query["bucket"])
        context = {
            **self.admin_site.each_context(request),
            "title": "Bytes by user and bucket",
            "opts": self.opts,
            "media": self.media,
            "form": form,
            "sums": sums,
            "rows": self._describe(sums.largest) if sums else [],
            "total": format_exact_size(sums.bytes) if sums else "",
            "total_files": f"{sums.files:,}" if sums else "",
            "max_added": f"{MAX_ADDED:,}",
            "max_users": MAX_USERS,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/s3_file_uploader/fileupload/usage.html", context)

    def _describe(self, sums: tuple[UserSum, ...]) -> list[dict[str, Any]]:
        """Return the rows of the table: each user, then the buckets of the user. One query reads the names."""
        users = get_user_model()._default_manager.in_bulk([row.user_id for row in sums if row.user_id is not None])
        url = build_url(self.admin_site, FileUpload, "changelist")
        return [
            {
                **_describe_sum(url, total, total.user_id),
                "user": users.get(total.user_id, "Without a user"),
                "buckets": [_describe_sum(url, row, total.user_id, row.bucket) for row in total.buckets[:MAX_BUCKETS]],
                "others": max(0, len(total.buckets) - MAX_BUCKETS),
            }
            for total in sums
        ]


def _describe_sum(url: str, row: UserSum | BucketSum, user_id: Any, bucket: str = "") -> dict[str, Any]:
    query = {"user": NO_USER if user_id is None else user_id, **({"bucket": bucket} if bucket else {})}
    return {
        "bucket": bucket,
        "files": f"{row.files:,}",
        "size": format_size(row.bytes),
        "bytes": f"{row.bytes:,}",
        "url": f"{url}?{urlencode(query)}",
    }
