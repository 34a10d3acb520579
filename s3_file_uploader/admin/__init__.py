"""The records in Django's admin: to look at, to open, and to delete together with their objects."""

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
from ..api.transactions import outside_transactions
from ..conf import conf
from ..exceptions import FileRejected, S3FileUploaderError
from ..models import AuditEvent, FileUpload, ShareLink, UploadToken
from ..services.audit.trail import asked_from
from .filters import ActionFilter, OutcomeFilter, ShortPaginator

OPENED_FOR_SECONDS = 300
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[FileUpload]
    TokenAdmin = admin.ModelAdmin[UploadToken]
    LinkAdmin = admin.ModelAdmin[ShareLink]
    EventAdmin = admin.ModelAdmin[AuditEvent]
else:
    ModelAdmin = TokenAdmin = LinkAdmin = EventAdmin = admin.ModelAdmin


@admin.register(FileUpload)
class FileUploadAdmin(ModelAdmin):
    """Read-only, but for the deletion, which removes the object first."""

    actions = ("scan_again",)
    list_display = ("file_name", "opened", "bucket", "user", "readable_size", "content_type", "status", "created_at")
    list_filter = ("status", "strategy", "bucket", "content_type", ("created_at", admin.DateFieldListFilter))
    list_select_related = ("user",)
    search_fields = ("file_name", "original_name", "checksum_sha256", "etag")
    date_hierarchy = "created_at"
    show_full_result_count = False
    fields = (
        *("file_name", "bucket", "original_name", "user", "readable_size", "content_type", "opened"),
        *("status", "status_reason", "scan_after"),
        *("etag", "checksum_sha256", "created_at", "completed_at", "claimed_until"),
        *("strategy", "part_size", "multipart_upload_id", "writable_until"),
    )
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Files come in through the API alone."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: FileUpload | None = None) -> bool:
        """A record says what is in S3; nobody edits that."""
        return False

    @admin.display(description="size", ordering="size")
    def readable_size(self, upload: FileUpload) -> str:
        """Return for example 3.5 MB, as Django writes it."""
        return "-" if upload.size is None else filesizeformat(upload.size)

    @admin.display(description="file")
    def opened(self, upload: FileUpload) -> str:
        """Return a link that signs a URL only when it is followed."""
        if upload.status != FileUpload.Status.STORED:
            return "-"
        return format_html('<a href="{}">open</a>', reverse("admin:s3_file_uploader_fileupload_open", args=[upload.pk]))

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> dict[str, Any]:
        """Offer a scan where there are scanners; Django has the location from 6.1 on."""
        location = {} if action_location is None else {"action_location": action_location}
        found = super().get_actions(request, **location)
        if not conf.scanner_paths:
            found.pop("scan_again", None)
        return found

    @admin.action(description="Scan selected files again", permissions=["delete"])
    def scan_again(self, request: HttpRequest, queryset: QuerySet[FileUpload]) -> None:
        """Put them into quarantine, and have them scanned as if they had just come; tell of each that was rejected."""
        begun = 0
        for upload in queryset:
            try:
                begun += services.upload_scan_again(user=_staff(request), upload=upload)
            except FileRejected as error:
                begun += 1
                self.message_user(request, f"{upload}: {error}", messages.WARNING)
        self.message_user(request, f"Files that were scanned, or will be: {begun}.")

    def get_urls(self) -> list[URLPattern]:
        """Add the address behind the link, and keep ATOMIC_REQUESTS away from all of them."""
        open_view = self.admin_site.admin_view(self.open_view)
        urls = [path("<uuid:pk>/open/", open_view, name="s3_file_uploader_fileupload_open"), *super().get_urls()]
        for url in urls:
            outside_transactions(url.callback)
        return urls

    def open_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Redirect to a fresh presigned URL, for those who may look at the record."""
        upload = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_view_permission(request, upload):
            raise PermissionDenied
        return self._or_message(request, lambda: HttpResponseRedirect(self._presigned(request, upload)))

    @method_decorator(csrf_protect)
    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Delete one, or say why S3 would not; not in one transaction, as Django does: the claim is committed first."""
        delete = cast(Any, super())._delete_view  # What Django's own delete_view calls, in a transaction.
        return self._or_message(request, lambda: delete(request, object_id, extra_context))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """List, run the deletion of many, or say why S3 would not."""
        return self._or_message(request, lambda: super(FileUploadAdmin, self).changelist_view(request, extra_context))

    def log_deletions(self, request: HttpRequest, queryset: Any) -> list[Any]:
        """Log nothing yet: Django asks before the deletion, which S3 may refuse."""
        return []

    def delete_model(self, request: HttpRequest, obj: FileUpload) -> None:
        """Remove the object, then the record, then log it."""
        shown = FileUpload(pk=obj.pk, bucket=obj.bucket, file_name=obj.file_name)
        services.record_delete(user=_staff(request), upload=obj)
        super().log_deletions(request, cast(Any, [shown]))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[FileUpload]) -> None:
        """Do so one by one."""
        for upload in queryset:
            self.delete_model(request, upload)

    def _presigned(self, request: HttpRequest, upload: FileUpload) -> str:
        return services.file_presign(
            user=_staff(request),
            bucket=upload.bucket,
            file_name=upload.file_name,
            expires_in_seconds=OPENED_FOR_SECONDS,
            disposition="attachment",
        ).url

    def _or_message(self, request: HttpRequest, answer: Callable[[], HttpResponse]) -> HttpResponse:
        try:
            with asked_from(get_client_address(request)):
                return answer()
        except S3FileUploaderError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:s3_file_uploader_fileupload_changelist"))


def _staff(request: HttpRequest) -> AbstractBaseUser:
    return cast(AbstractBaseUser, request.user)  # `admin_view` lets nobody else in.


@admin.register(UploadToken)
class UploadTokenAdmin(TokenAdmin):
    """To see who has tokens, and to delete them: then they are refused. The tokens themselves are not shown."""

    list_display = ("id", "user", "created_at", "expires_at", "revoked_at")
    list_filter = ("expires_at",)
    list_select_related = ("user",)
    fields = readonly_fields = list_display

    def delete_model(self, request: HttpRequest, obj: UploadToken) -> None:
        """Delete one, and tell the audit trail."""
        self.delete_queryset(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: Iterable[UploadToken]) -> None:
        """Delete many, and tell the audit trail of each."""
        with asked_from(get_client_address(request)):
            for token in queryset:
                services.upload_token_remove(user=_staff(request), token=token)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Each user makes their own."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: UploadToken | None = None) -> bool:
        """A token is what it was made as, until it is revoked."""
        return False


@admin.register(ShareLink)
class ShareLinkAdmin(LinkAdmin):
    """To see what is shared with whoever has a link, and to revoke that. The links themselves are kept nowhere."""

    list_display = ("id", "upload", "user", "created_at", "expires_at", "revoked_at", "downloads", "max_downloads")
    list_filter = ("expires_at", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("user", "upload")
    search_fields = ("=id", "=upload__file_name")
    show_full_result_count = False
    actions = ("links_revoke",)
    fields = readonly_fields = list_display

    @admin.action(description="Revoke selected share links", permissions=("delete",))
    def links_revoke(self, request: HttpRequest, queryset: QuerySet[ShareLink]) -> None:
        """Have them refused from now on."""
        self._revoke(request, queryset)
        self.message_user(request, "The links are refused from now on.", messages.SUCCESS)

    def delete_model(self, request: HttpRequest, obj: ShareLink) -> None:
        """Revoke it first, so that the audit trail has it."""
        self._revoke(request, [obj])
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ShareLink]) -> None:
        """Revoke them first."""
        self._revoke(request, queryset)
        super().delete_queryset(request, queryset)

    def _revoke(self, request: HttpRequest, links: Iterable[ShareLink]) -> None:
        with asked_from(get_client_address(request)):
            for link in links:
                services.share_revoke(user=_staff(request), share_id=link.pk)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Each is made by somebody who gets to know it."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ShareLink | None = None) -> bool:
        """A link is what it was made as, until it is revoked."""
        return False


@admin.register(AuditEvent)
class AuditEventAdmin(EventAdmin):
    """Who did what: to look at and to search, and for nobody to change or delete; housekeeping forgets the old."""

    list_display = ("created_at", "user_name", "address", "action", "bucket", "file_name", "outcome")
    list_display_links = ("created_at",)
    list_filter = (OutcomeFilter, ActionFilter, ("created_at", admin.DateFieldListFilter))
    search_fields = ("object_id",)  # What Django draws the field for; `get_search_results` looks.
    search_help_text = "A user's name or primary key, bucket/file name, an id or an address: whole, not parts of them."
    show_full_result_count = False
    paginator = ShortPaginator
    actions = None
    fields = readonly_fields = (
        *("created_at", "user_id", "user_name", "address", "action", "bucket", "file_name", "object_id", "outcome"),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent], search_term: str
    ) -> tuple[QuerySet[AuditEvent], bool]:
        """Compare whole values, which indexes know; a part of a text would have the whole table read."""
        text = search_term.strip()
        return (cast(Any, queryset).about(text) if text else queryset), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Events happen."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        """What happened has happened."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        """Nobody removes a trace."""
        return False
