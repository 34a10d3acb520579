"""The actions on uploads: share, presign, settle, scan again, export. Each has its own permission."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import NoReverseMatch, reverse

from .. import services
from ..conf import conf
from ..exceptions import S3FileUploaderError
from ..models import FileUpload
from ..scanners import ScannerProblem
from ..services.reports import Outcome
from . import upload_forms
from .export import export_uploads
from .links import build_url
from .read_only import get_staff, has_permission
from .selection import limit_selection

MAX_MESSAGES = 5
OF_STORED = {"share_files": "Share", "presign_files": "Presign"}
OF_UNFINISHED = {"settle_now": "Settle now"}
OF_WHOLE = {"scan_again": "Scan again"}
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[FileUpload]
else:
    ModelAdmin = object


class UploadActions(ModelAdmin):
    """The actions, on the list and as buttons of the details."""

    actions = ("share_files", "presign_files", "settle_now", "scan_again", "export_csv", "delete_selected")

    def has_share_permission(self, request: HttpRequest) -> bool:
        """Return True if the user may add share links."""
        return has_permission(request, "add_sharelink")

    def has_settle_permission(self, request: HttpRequest) -> bool:
        """Return True if the user may change uploads."""
        return has_permission(request, "change_fileupload")

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> dict[str, Any]:
        """Offer a scan only if the settings name a scanner. Django 6.1 and later pass the location."""
        location = {} if action_location is None else {"action_location": action_location}
        actions: dict[str, Any] = super().get_actions(request, **location)
        if not conf.scanner_paths:
            actions.pop("scan_again", None)
        if not _has_share_addresses():
            actions.pop("share_files", None)
        return actions

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the details, with a button for each action that makes sense for the upload."""
        upload = self.get_object(request, unquote(object_id))
        buttons = {} if upload is None else _choose_buttons(upload)
        offered = self.get_actions(request)
        context = {
            "single_actions": [(name, label) for name, label in buttons.items() if name in offered],
            "list_url": build_url(self.admin_site, FileUpload, "changelist"),
        }
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    @admin.action(description="Share selected files by link", permissions=["share"])
    def share_files(self, request: HttpRequest, queryset: QuerySet[FileUpload]) -> HttpResponse | None:
        """Ask for the life of the links, then show them once."""
        return upload_forms.respond(self, request, queryset, upload_forms.ShareForm)

    @admin.action(description="Presign URLs of selected files", permissions=["view"])
    def presign_files(self, request: HttpRequest, queryset: QuerySet[FileUpload]) -> HttpResponse | None:
        """Ask for the life of the URLs, then show them once."""
        return upload_forms.respond(self, request, queryset, upload_forms.PresignForm)

    @admin.action(description="Settle selected uploads now, as housekeeping would", permissions=["settle"])
    def settle_now(self, request: HttpRequest, queryset: QuerySet[FileUpload]) -> None:
        """Finish or roll back what a crash or an absent client left."""
        outcomes: Counter[Outcome] = Counter()
        errors = []
        for upload in limit_selection(self, request, queryset) or ():
            place = str(upload)
            try:
                outcomes[services.upload_recover(user=get_staff(request), upload=upload)] += 1
            except (S3FileUploaderError, ScannerProblem) as error:
                errors.append(f"{place}: {error}")
        for outcome, count in outcomes.items():
            text = "nothing to do" if outcome is Outcome.NOTHING else outcome.value.replace("_", " ")
            self.message_user(request, f"{count}: {text}.")
        self._show_errors(request, errors)

    @admin.action(description="Scan selected files again", permissions=["delete"])
    def scan_again(self, request: HttpRequest, queryset: QuerySet[FileUpload]) -> None:
        """Quarantine the files and scan them like new ones. Show a message for each rejected file."""
        count, errors = 0, []
        for upload in limit_selection(self, request, queryset) or ():
            try:
                count += services.upload_scan_again(user=get_staff(request), upload=upload)
            except S3FileUploaderError as error:
                count += 1
                errors.append(f"{upload}: {error}")
        self._show_errors(request, errors)
        self.message_user(request, f"Files that were scanned, or will be: {count}.")

    @admin.action(description="Export selected uploads as CSV", permissions=["view"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[FileUpload]) -> StreamingHttpResponse:
        """Stream the records as a table."""
        return export_uploads(request, queryset)

    def _show_errors(self, request: HttpRequest, errors: list[str]) -> None:
        for error in errors[:MAX_MESSAGES]:
            self.message_user(request, error, messages.WARNING)
        if len(errors) > MAX_MESSAGES:
            self.message_user(request, f"{len(errors) - MAX_MESSAGES} more failed.", messages.WARNING)


def _choose_buttons(upload: FileUpload) -> dict[str, str]:
    is_stored = upload.status == FileUpload.Status.STORED
    is_whole = upload.status in FileUpload.WHOLE
    is_settled = is_stored or upload.status == FileUpload.Status.REJECTED
    return {
        **(OF_STORED if is_stored else {}),
        **({} if is_settled else OF_UNFINISHED),
        **(OF_WHOLE if is_whole else {}),
    }


def _has_share_addresses() -> bool:
    """Return False if the host project does not include the addresses of the API."""
    try:
        return bool(reverse("s3_service-share", kwargs={"share": "x" * 43}))
    except NoReverseMatch:
        return False
