"""Form fields of uploads, and their widget: a file input that an element of JavaScript enhances.

Without JavaScript the file comes with the form. Either way `FormUploadMiddleware` makes references of it, and the field
reads only those.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.forms.renderers import DjangoTemplates
from django.template.defaultfilters import filesizeformat
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from ..conf import conf
from ..exceptions import S3FileUploaderError
from ..models import FileUpload
from .fields import UploadsField
from .limits import validate_attachable
from .middleware import Refused
from .references import MARKER_NAME, Marker, read_reference, sign_reference

REMOVE = "-remove"
LOAD_AGAIN = _("Choose the file again: the form was open for too long, or belongs to another user.")
NOT_STORED = _(
    "The file was not stored. Add FormUploadMiddleware to MIDDLEWARE, behind AuthenticationMiddleware, and send the "
    "hidden fields of the form with the file."
)
NO_BUCKET = "Set S3_FILE_UPLOADER_FORM_BUCKET, or the option `bucket` of the upload field, to the bucket of new files."


@dataclass
class Submitted:
    """The data of one field of a form.

    Attributes:
        values: signed references, and what the middleware refused.
        removed: ids of present files to remove, as text.
        files: files that no middleware has stored.
    """

    values: list[Any] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    files: list[Any] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Return True if the form changes the field."""
        return bool(self.values or self.removed or self.files)


@dataclass
class Bound:
    """The value of a field of a form that was sent: the present files, and the data."""

    present: Any
    submitted: Submitted


class UploadWidget(forms.Widget):
    """A file input with the present files, each with a link and a box to remove it.

    Attributes:
        limits: the field that says what is taken: of the form, or of the model.
        path: names the field in references.
    """

    template_name = "s3_file_uploader/upload.html"
    needs_multipart_form = True
    allows_several = False
    limits: Any = None
    path = ""

    class Media:
        """The element that enhances the input."""

        js = ("s3_file_uploader/s3-upload.js",)
        css: ClassVar[dict[str, Any]] = {"all": ("s3_file_uploader/s3-upload.css",)}

    def use_required_attribute(self, initial: Any) -> bool:
        """Return False: the browser cannot know about files that are there already."""
        return False

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Submitted:
        """Collect what the form sent."""
        return Submitted(
            values=[value for value in _get_list(data, name) if value != ""],
            removed=_get_list(data, f"{name}{REMOVE}"),
            files=_get_list(files, name),
        )

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Return True if the form has no such field."""
        return not self.value_from_datadict(data, files, name) and MARKER_NAME not in data

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Return what the template shows: present files, and new ones of a form that had errors."""
        context = super().get_context(name, None, attrs)
        present, submitted = (value.present, value.submitted) if isinstance(value, Bound) else (value, Submitted())
        new = [read_reference(text, self.path) for text in submitted.values if isinstance(text, str)]
        bucket = self.limits.bucket or conf.form_bucket
        if not bucket:
            raise ImproperlyConfigured(NO_BUCKET)
        context["widget"] |= {
            "present": [_describe(upload) for upload in find_uploads(present)],
            "new": [{**_describe(upload), "reference": sign_reference(upload, self.path)} for upload in new if upload],
            "removed": submitted.removed,
            "marker_name": MARKER_NAME,
            "marker": Marker(name, self.path, bucket, self.limits.max_bytes).sign(),
            "accept": _list_accepted(self.limits),
            "bucket": bucket,
            "max_bytes": self.limits.max_bytes,
            "limit": None if self.limits.max_bytes is None else filesizeformat(self.limits.max_bytes),
            "several": self.allows_several,
            "service": _find_service(),
        }
        return context

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        """Render by Django's template engine, whichever the project uses for its forms."""
        return super().render(name, value, attrs, DjangoTemplates())


class UploadFormField(forms.FileField):
    """One upload in a form; the cleaned value is its record, or None.

    Args:
        limits: the field of the model that says what is taken; without a model, give the options instead.
        path: names the field in references, `app.model.field`; without a model, the class of the form and its field
            are a good choice.
        content_types, extensions, max_bytes, shared, bucket: as of `UploadField`.
    """

    default_error_messages: ClassVar[Any] = {"reload": LOAD_AGAIN, "not_stored": NOT_STORED}
    allows_several = False
    _widget: Any = UploadWidget

    def __init__(
        self,
        *,
        limits: Any = None,
        path: str = "form",
        content_types: list[str] | None = None,
        extensions: list[str] | None = None,
        max_bytes: int | None = None,
        shared: bool = False,
        bucket: str | None = None,
        **options: Any,
    ) -> None:
        self.limits = limits or UploadsField(
            content_types=content_types, extensions=extensions, max_bytes=max_bytes, shared=shared, bucket=bucket
        )
        self.path = path
        super().__init__(**options)

    @property
    def widget(self) -> Any:
        """Return the widget, which knows the limits."""
        return self._widget

    @widget.setter
    def widget(self, widget: Any) -> None:
        # The admin wraps widgets of relations in links that add and change the other row. An upload has no such page.
        inner = getattr(widget, "widget", None)
        self._widget = inner if isinstance(inner, UploadWidget) else widget
        self._widget.limits, self._widget.path = self.limits, self.path
        self._widget.allows_several = self.allows_several

    def clean(self, data: Any, initial: Any = None) -> Any:
        """Return the record, the present one if the form changes nothing or the field is disabled."""
        uploads = self._clean_all(data, find_uploads(initial))
        return uploads[-1] if uploads else None

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Return True if the form sent or removed a file."""
        return not self.disabled and bool(data)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return the present files, and what the form sent."""
        return Bound(initial, Submitted() if self.disabled else data or Submitted())

    def _clean_all(self, data: Submitted | None, present: list[FileUpload]) -> list[FileUpload]:
        # Django passes the initial value as the data of a disabled field.
        data = Submitted() if self.disabled else data or Submitted()
        kept = [upload for upload in present if str(upload.pk) not in data.removed]
        new = [self._read(value, present) for value in data.values]
        if data.files:
            raise ValidationError(self.error_messages["not_stored"], code="not_stored")
        uploads = [*kept, *(upload for upload in dict.fromkeys(new) if upload not in kept)]
        if self.required and not uploads:
            raise ValidationError(self.error_messages["required"], code="required")
        return uploads

    def _read(self, value: Any, present: list[FileUpload]) -> FileUpload:
        if isinstance(value, Refused):
            raise ValidationError(value.message, code="refused")
        upload = read_reference(value, self.path)
        if upload is None:
            raise ValidationError(self.error_messages["reload"], code="reload")
        if upload not in present:
            validate_attachable(self.limits, upload)
        return upload


class UploadsFormField(UploadFormField):
    """Several uploads in a form; the cleaned value is the list of records, the present ones first."""

    allows_several = True

    def clean(self, data: Any, initial: Any = None) -> Any:
        """Return the records."""
        return self._clean_all(data, find_uploads(initial))


def find_uploads(value: Any) -> list[FileUpload]:
    """Return the records of an initial value: a record, a UUID, several of them, or None.

    An id as text is ignored: the admin takes initial values from the query string, where it could be the id of another
    user's upload.
    """
    several = value if isinstance(value, list | tuple) or hasattr(value, "filter") else [value]
    records = [_find_record(each) if isinstance(each, UUID) else each for each in several]
    return [record for record in records if isinstance(record, FileUpload)]


def _find_record(upload_id: UUID) -> FileUpload | None:
    return FileUpload.objects.filter(pk=upload_id).first()


def _get_list(data: Any, name: str) -> list[Any]:
    if hasattr(data, "getlist"):
        return list(data.getlist(name))
    return [data[name]] if name in data else []


def _describe(upload: FileUpload) -> dict[str, Any]:
    try:
        url = upload.url
    except S3FileUploaderError:
        url = None
    return {"id": str(upload.pk), "name": upload.original_name, "size": filesizeformat(upload.size or 0), "url": url}


def _list_accepted(limits: Any) -> str:
    """Return the attribute `accept` of a file input: https://html.spec.whatwg.org/#attr-input-accept ."""
    return ",".join([*(limits.content_types or ()), *(f".{ending}" for ending in limits.extensions or () if ending)])


def _find_service() -> str | None:
    """Return the address of the API, None if the project does not route it; then files go with the form."""
    try:
        return reverse("s3_service-upload-list").removesuffix("uploads/")
    except NoReverseMatch:
        return None
