"""Open and preview a file by a presigned URL. Each URL is signed when it is used, and becomes an audit event."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.decorators.clickjacking import xframe_options_sameorigin

from .. import services
from ..api.requests.client_ip import get_client_address
from ..exceptions import S3FileUploaderError
from ..models import FileUpload
from ..services.audit.trail import use_client_address
from ..values import mib
from .read_only import get_staff
from .storage_errors import respond

OPEN_URL_SECONDS = 300
PREVIEW_URL_SECONDS = 60
MAX_PREVIEW_BYTES = mib(20)
PDF = "application/pdf"
IMAGE = '<img class="s3-preview" src="{url}" alt="{title}" loading="lazy" referrerpolicy="no-referrer">'
# Browsers of phones show no PDF in a frame.
FRAME = (
    '<iframe class="s3-preview" src="{url}" title="{title}" loading="lazy" referrerpolicy="no-referrer"></iframe>'
    '<a href="{url}" target="_blank" rel="noopener noreferrer">Show in a new tab</a>'
)
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[FileUpload]
else:
    ModelAdmin = object


class UploadFiles(ModelAdmin):
    """The views that redirect to S3, and their links."""

    def get_urls(self) -> list[URLPattern]:
        """Add the URLs of both views."""
        wrap, name = self.admin_site.admin_view, "s3_file_uploader_fileupload"
        return [
            path("<uuid:pk>/open/", wrap(self.open_view), name=f"{name}_open"),
            path("<uuid:pk>/preview/", wrap(xframe_options_sameorigin(self.preview_view)), name=f"{name}_preview"),
            *super().get_urls(),
        ]

    def open_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Redirect users who may view the record to a fresh presigned URL, which saves the file.

        Raises:
            PermissionDenied: the user may not view the record.
        """
        upload = self._find_viewable(request, pk)
        return respond(self, request, lambda: self._redirect(request, upload, OPEN_URL_SECONDS, "attachment"))

    def preview_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Redirect the image or the frame of the page to a URL that shows the file, for a minute.

        Raises:
            PermissionDenied: the user may not view the record.
        """
        upload = self._find_viewable(request, pk)
        if not self.may_preview(upload):
            return HttpResponse(status=404)
        with use_client_address(get_client_address(request)):
            try:
                return self._redirect(request, upload, PREVIEW_URL_SECONDS, "inline")
            except S3FileUploaderError as error:
                # A redirect to a page with the error would put the page into the frame.
                return HttpResponse(str(error), status=404, content_type="text/plain; charset=utf-8")

    def may_preview(self, upload: FileUpload) -> bool:
        """Return True if browsers may show the file, by the policy of its owner, and it is an image or a PDF."""
        if upload.status != FileUpload.Status.STORED or (upload.size or 0) > MAX_PREVIEW_BYTES:
            return False
        is_shown = upload.served_content_type == PDF or upload.served_content_type.startswith("image/")
        return is_shown and services.file_disposition(upload, "inline").startswith("inline")

    @admin.display(description="preview")
    def preview(self, upload: FileUpload) -> str:
        """Return an image or a frame, which the browser loads when it comes into sight."""
        url, title = self._build_file_url(upload, "preview"), f"Preview of {upload.original_name}"
        return format_html(FRAME if upload.served_content_type == PDF else IMAGE, url=url, title=title)

    @admin.display(description="file")
    def open_link(self, upload: FileUpload) -> str:
        """Return a link to the view that signs a URL, so that the list itself signs none."""
        if upload.status != FileUpload.Status.STORED:
            return "-"
        return format_html('<a href="{}">open</a>', self._build_file_url(upload, "open"))

    def _build_file_url(self, upload: FileUpload, page: str) -> str:
        return reverse(f"admin:s3_file_uploader_fileupload_{page}", args=[upload.pk], current_app=self.admin_site.name)

    def _find_viewable(self, request: HttpRequest, pk: Any) -> FileUpload:
        upload: FileUpload = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_view_permission(request, upload):
            raise PermissionDenied
        return upload

    def _redirect(self, request: HttpRequest, upload: FileUpload, seconds: int, disposition: str) -> HttpResponse:
        signed = services.file_presign(
            user=get_staff(request),
            bucket=upload.bucket,
            file_name=upload.file_name,
            expires_in_seconds=seconds,
            disposition=disposition,
        )
        response = HttpResponseRedirect(signed.url)
        response["Cache-Control"] = "no-store"
        response["Referrer-Policy"] = "no-referrer"
        return response
