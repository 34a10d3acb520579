"""Django's admin of the records: staff can view and open files, and delete them together with their objects."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.csrf import csrf_protect

from .. import services
from ..api.requests.client_ip import get_client_address
from ..api.transactions import exempt_from_transactions
from ..conf import conf
from ..exceptions import FileRejected, S3FileUploaderError
from ..models import AuditEvent, FileUpload, ShareLink, UploadToken
from ..services.audit.trail import use_client_address
from .filters import ActionFilter, OutcomeFilter, ShortPaginator

OPEN_URL_SECONDS = 300
SEARCH_HELP = "Search for a whole user name or primary key, bucket/file name, id or address."
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[FileUpload]
    TokenAdmin = admin.ModelAdmin[UploadToken]
    LinkAdmin = admin.ModelAdmin[ShareLink]
    EventAdmin = admin.ModelAdmin[AuditEvent]
else:
    ModelAdmin = TokenAdmin = LinkAdmin = EventAdmin = admin.ModelAdmin


class ReadOnly:
    """Let staff add and change nothing: the API adds the rows, and a row describes what happened or what S3 stores."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False."""
        return False


@admin.register(FileUpload)
class FileUploadAdmin(ReadOnly, ModelAdmin):
    """Show records. A deletion removes the object first."""

    actions = ("scan_again",)
    list_display = ("file_name", "open_link", "bucket", "user", "readable_size", "content_type", "status", "created_at")
    list_filter = ("status", "strategy", "bucket", "content_type", ("created_at", admin.DateFieldListFilter))
    list_select_related = ("user",)
    search_fields = ("file_name", "original_name", "checksum_sha256", "etag")
    date_hierarchy = "created_at"
    show_full_result_count = False
    fields = (
        *("file_name", "bucket", "original_name", "user", "readable_size", "content_type", "open_link"),
        *("status", "status_reason", "scan_after"),
        *("etag", "checksum_sha256", "created_at", "completed_at", "claimed_until"),
        *("strategy", "part_size", "multipart_upload_id", "writable_until"),
    )
    readonly_fields = fields

    @admin.display(description="size", ordering="size")
    def readable_size(self, upload: FileUpload) -> str:
        """Return the size in the format of Django's `filesizeformat`, such as 3.5 MB."""
        return "-" if upload.size is None else filesizeformat(upload.size)

    @admin.display(description="file")
    def open_link(self, upload: FileUpload) -> str:
        """Return a link to the view that signs a URL, so that the list itself signs none."""
        if upload.status != FileUpload.Status.STORED:
            return "-"
        return format_html('<a href="{}">open</a>', reverse("admin:s3_file_uploader_fileupload_open", args=[upload.pk]))

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> dict[str, Any]:
        """Offer a scan only if the settings name a scanner. Django 6.1 and later pass the location."""
        location = {} if action_location is None else {"action_location": action_location}
        actions = super().get_actions(request, **location)
        if not conf.scanner_paths:
            actions.pop("scan_again", None)
        return actions

    @admin.action(description="Scan selected files again", permissions=["delete"])
    def scan_again(self, request: HttpRequest, queryset: QuerySet[FileUpload]) -> None:
        """Quarantine the files and scan them like new ones. Show a message for each rejected file."""
        count = 0
        for upload in queryset:
            try:
                count += services.upload_scan_again(user=_get_staff(request), upload=upload)
            except FileRejected as error:
                count += 1
                self.message_user(request, f"{upload}: {error}", messages.WARNING)
        self.message_user(request, f"Files that were scanned, or will be: {count}.")

    def get_urls(self) -> list[URLPattern]:
        """Add the URL of the open view, and keep ATOMIC_REQUESTS away from all views."""
        open_view = self.admin_site.admin_view(self.open_view)
        urls = [path("<uuid:pk>/open/", open_view, name="s3_file_uploader_fileupload_open"), *super().get_urls()]
        for url in urls:
            exempt_from_transactions(url.callback)
        return urls

    def open_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Redirect users who may view the record to a fresh presigned URL.

        Raises:
            PermissionDenied: the user may not view the record.
        """
        upload = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_view_permission(request, upload):
            raise PermissionDenied
        return self._respond(request, lambda: HttpResponseRedirect(self._presign(request, upload)))

    @method_decorator(csrf_protect)
    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Delete a file, or show the error of S3.

        Django's own `delete_view` wraps `_delete_view` in a transaction. Here the claim must be committed before the
        call to S3.
        """
        delete = cast(Any, super())._delete_view
        return self._respond(request, lambda: delete(request, object_id, extra_context))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list or run an action, or show the error of S3."""
        return self._respond(request, lambda: super(FileUploadAdmin, self).changelist_view(request, extra_context))

    def log_deletions(self, request: HttpRequest, queryset: Any) -> list[Any]:
        """Log nothing, because Django calls this before the deletion, which S3 may refuse."""
        return []

    def delete_model(self, request: HttpRequest, obj: FileUpload) -> None:
        """Remove the object, then the record, then log the deletion."""
        logged = FileUpload(pk=obj.pk, bucket=obj.bucket, file_name=obj.file_name)
        services.record_delete(user=_get_staff(request), upload=obj)
        super().log_deletions(request, cast(Any, [logged]))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[FileUpload]) -> None:
        """Delete the files one by one."""
        for upload in queryset:
            self.delete_model(request, upload)

    def _presign(self, request: HttpRequest, upload: FileUpload) -> str:
        return services.file_presign(
            user=_get_staff(request),
            bucket=upload.bucket,
            file_name=upload.file_name,
            expires_in_seconds=OPEN_URL_SECONDS,
            disposition="attachment",
        ).url

    def _respond(self, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
        """Return the response of a view, or redirect to the list with the error as a message."""
        try:
            with use_client_address(get_client_address(request)):
                return view()
        except S3FileUploaderError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:s3_file_uploader_fileupload_changelist"))


def _get_staff(request: HttpRequest) -> AbstractBaseUser:
    return cast(AbstractBaseUser, request.user)  # `admin_view` refuses anonymous users.


@admin.register(UploadToken)
class UploadTokenAdmin(ReadOnly, TokenAdmin):
    """Show which users have tokens, and delete tokens, which revokes them. The token texts are not stored."""

    list_display = ("id", "user", "created_at", "expires_at", "revoked_at")
    list_filter = ("expires_at",)
    list_select_related = ("user",)
    fields = readonly_fields = list_display

    def delete_model(self, request: HttpRequest, obj: UploadToken) -> None:
        """Delete a token, and record it in the audit trail."""
        self.delete_queryset(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: Iterable[UploadToken]) -> None:
        """Delete many, and tell the audit trail of each."""
        with use_client_address(get_client_address(request)):
            for token in queryset:
                services.upload_token_remove(user=_get_staff(request), token=token)


@admin.register(ShareLink)
class ShareLinkAdmin(ReadOnly, LinkAdmin):
    """Show which files are shared by a link, and revoke links. The links themselves are not stored."""

    list_display = ("id", "upload", "user", "created_at", "expires_at", "revoked_at", "downloads", "max_downloads")
    list_filter = ("expires_at", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("user", "upload")
    search_fields = ("=id", "=upload__file_name")
    show_full_result_count = False
    actions = ("revoke_links",)
    fields = readonly_fields = list_display

    @admin.action(description="Revoke selected share links", permissions=("delete",))
    def revoke_links(self, request: HttpRequest, queryset: QuerySet[ShareLink]) -> None:
        """Revoke links, so that the server refuses them."""
        self._revoke(request, queryset)
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
                services.share_revoke(user=_get_staff(request), share_id=link.pk)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly, EventAdmin):
    """Show and search the audit events. They cannot be changed or deleted. Housekeeping deletes expired events."""

    list_display = ("created_at", "user_name", "address", "action", "bucket", "file_name", "outcome")
    list_display_links = ("created_at",)
    list_filter = (OutcomeFilter, ActionFilter, ("created_at", admin.DateFieldListFilter))
    search_fields = ("object_id",)  # Django shows the search field only if this is set. `get_search_results` searches.
    show_full_result_count = False
    paginator = ShortPaginator
    actions = None
    fields = readonly_fields = (
        *("created_at", "user_id", "user_name", "address", "action", "bucket", "file_name", "object_id", "outcome"),
    )

    @property
    def search_help_text(self) -> str:  # type: ignore[override]
        """Return the help for the search, and the reason why the list stays empty if rows are off."""
        if not conf.audit_rows:
            return f"{SEARCH_HELP} New events are in the log only, because S3_FILE_UPLOADER_AUDIT_ROWS is off."
        return SEARCH_HELP

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent], search_term: str
    ) -> tuple[QuerySet[AuditEvent], bool]:
        """Compare whole values, which the indexes support. A search for parts of values would read the whole table."""
        text = search_term.strip()
        return (cast(Any, queryset).about(text) if text else queryset), False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        """Return False, because events are evidence until they expire."""
        return False
