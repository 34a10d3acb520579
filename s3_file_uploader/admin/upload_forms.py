"""The pages of the actions that ask first: share links and presigned URLs. The result is shown once and not stored."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from .. import services
from ..conf import conf
from ..exceptions import S3FileUploaderError
from ..models import FileUpload
from ..values import MAX_EXPIRATION_SECONDS
from .read_only import get_staff
from .selection import limit_selection

MAX_LINKS = 50
LIVES = {
    300: "5 minutes",
    3600: "1 hour",
    86_400: "1 day",
    7 * 86_400: "7 days",
    30 * 86_400: "30 days",
    90 * 86_400: "90 days",
    365 * 86_400: "365 days",
}


@dataclass(frozen=True, slots=True)
class Result:
    """A file and its URL, or the error."""

    upload: FileUpload
    url: str = ""
    error: str = ""


class ActionForm(forms.Form):
    """A form of an action, which makes a URL for one file."""

    name = heading = explanation = ""
    max_seconds = 0

    expires_in_seconds = forms.TypedChoiceField(label="The links work for", coerce=int)

    def __init__(self, data: Any) -> None:
        """Offer the lives that the settings allow."""
        super().__init__(data, label_suffix="")
        field: Any = self.fields["expires_in_seconds"]
        lives = {seconds: name for seconds, name in LIVES.items() if seconds < self.max_seconds}
        lives[self.max_seconds] = LIVES.get(self.max_seconds, "the longest time that the settings allow")
        field.choices = [(seconds, f"{name} ({seconds:,} seconds)") for seconds, name in lives.items()]

    def make_url(self, request: HttpRequest, user: AbstractBaseUser, upload: FileUpload) -> str:
        """Return the URL of a file."""
        raise NotImplementedError


class ShareForm(ActionForm):
    """Make share links."""

    name, heading = "share_files", "Share files"
    explanation = (
        "People without an account can read the files by these links. A link stops working when the file is replaced "
        "or deleted, and can be revoked."
    )
    max_downloads = forms.IntegerField(
        label="Downloads of each link", required=False, min_value=1, help_text="Leave it empty for no limit."
    )

    @property
    def max_seconds(self) -> int:  # type: ignore[override]
        """The longest life of a share link."""
        return conf.share_max_seconds

    def make_url(self, request: HttpRequest, user: AbstractBaseUser, upload: FileUpload) -> str:
        """Create a share link, and return its address."""
        made = services.share_create(user=user, bucket=upload.bucket, file_name=upload.file_name, **self.cleaned_data)
        return request.build_absolute_uri(reverse("s3_service-share", kwargs={"share": made.secret}))


class PresignForm(ActionForm):
    """Presign URLs."""

    name, heading = "presign_files", "Presign URLs"
    explanation = "A presigned URL works for everybody who has it until it expires. It cannot be revoked."
    max_seconds = MAX_EXPIRATION_SECONDS
    disposition = forms.ChoiceField(
        label="Browsers",
        choices=[("attachment", "save the file"), ("inline", "show the file, if its type allows that")],
    )

    def make_url(self, request: HttpRequest, user: AbstractBaseUser, upload: FileUpload) -> str:
        """Sign a URL."""
        signed = services.file_presign(user=user, bucket=upload.bucket, file_name=upload.file_name, **self.cleaned_data)
        return signed.url


def respond(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[FileUpload], form_class: type[ActionForm]
) -> HttpResponse | None:
    """Return the page that asks, the page with the result, or None and a message if too many files are selected."""
    uploads = limit_selection(model_admin, request, queryset, MAX_LINKS)
    if uploads is None:
        return None
    form = form_class(request.POST if "apply" in request.POST else None)
    results = [_try(form, request, upload) for upload in uploads] if form.is_valid() else []
    context = {
        **model_admin.admin_site.each_context(request),
        "title": form.heading,
        "opts": model_admin.opts,
        "media": model_admin.media,
        "form": form,
        "uploads": uploads,
        "results": results,
        "checkbox_name": ACTION_CHECKBOX_NAME,
    }
    request.current_app = model_admin.admin_site.name
    response = TemplateResponse(request, "admin/s3_file_uploader/fileupload/links.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _try(form: ActionForm, request: HttpRequest, upload: FileUpload) -> Result:
    """Return the URL or the error of one file, so that the error of one does not hide the links of the others."""
    try:
        return Result(upload, url=form.make_url(request, get_staff(request), upload))
    except S3FileUploaderError as error:
        return Result(upload, error=str(error))
