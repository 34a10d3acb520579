"""The serializer field of uploads: takes an id, and shows the file with a short-lived URL."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ValidationError
from rest_framework import serializers
from rest_framework.relations import MANY_RELATION_KWARGS

from ..api.serializers.responses import UTCDateTimeField
from ..conf import conf
from ..exceptions import S3FileUploaderError
from ..models import FileUpload
from ..services.files.open_file import stored_presign
from .fields import UploadField, UploadsField
from .limits import validate_attachable

MAX_IDS = 1000

if TYPE_CHECKING:
    RelatedField = serializers.RelatedField[FileUpload, Any, dict[str, Any]]
    ModelSerializer = serializers.ModelSerializer[Any]
else:
    RelatedField, ModelSerializer = serializers.RelatedField, serializers.ModelSerializer


class AttachedUploadSerializer(serializers.Serializer[Any]):
    """An attached file."""

    id = serializers.UUIDField(help_text="Send it to attach the file.")
    original_name = serializers.CharField(help_text="The name on the device that sent it.")
    size = serializers.IntegerField(help_text="Bytes.")
    content_type = serializers.CharField()
    status = serializers.ChoiceField(
        choices=FileUpload.Status.values, help_text="`stored`, unless a scanner looks at the file again."
    )
    url = serializers.CharField(
        allow_null=True, help_text="Works without other credentials until it expires; null if the file cannot be read."
    )
    expires_at = UTCDateTimeField(allow_null=True, help_text="When the URL expires.")


@dataclass(frozen=True, slots=True)
class _Limits:
    """The limits of a serializer field without a field of a model."""

    content_types: list[str] | None = None
    extensions: list[str] | None = None
    max_bytes: int | None = None
    shared: bool = False


class ManyUploads(serializers.ManyRelatedField):
    """Attach several uploads by their ids. Each id costs queries, so their number is limited."""

    default_error_messages: ClassVar[Any] = {"too_many": f"Give at most {MAX_IDS} ids."}

    def to_internal_value(self, data: Any) -> Any:
        """Return the records of a list of ids.

        Raises:
            rest_framework.exceptions.ValidationError: the list has more than `MAX_IDS` ids, or one is not taken.
        """
        if isinstance(data, list) and len(data) > MAX_IDS:
            self.fail("too_many")
        return super().to_internal_value(data)


class UploadSerializerField(RelatedField):
    """Attach an upload of the caller by its id; with `many=True`, up to `MAX_IDS`.

    In a `ModelSerializer`, the limits are those of the field of the model. An upload that the instance has already
    passes, also if another user owns it.
    """

    default_error_messages: ClassVar[Any] = {
        "invalid": "Give the id of an upload.",
        "upload_not_found": "You have no upload with that id: upload the file first.",
    }

    def __init__(
        self,
        *,
        content_types: list[str] | None = None,
        extensions: list[str] | None = None,
        max_bytes: int | None = None,
        shared: bool = False,
        **options: Any,
    ) -> None:
        """Take the limits, for serializers without a model, and the options of a DRF field."""
        self._own_limits = _Limits(content_types, extensions, max_bytes, shared)
        if not options.get("read_only"):
            options.setdefault("queryset", FileUpload.objects.all())
        super().__init__(**options)

    @classmethod
    def many_init(cls, *args: Any, **options: Any) -> Any:
        """Return the field around this one, with `many=True`."""
        own = {name: options[name] for name in MANY_RELATION_KWARGS if name in options}
        return ManyUploads(child_relation=cls(*args, **options), **own)

    def get_queryset(self) -> Any:
        """Narrow to the stored uploads of the caller."""
        return self._owned().stored()

    def get_choices(self, cutoff: int | None = None) -> dict[str, str]:
        """Return the choices of DRF's forms: names by id."""
        return {str(upload.pk): upload.original_name for upload in self.get_queryset()[:cutoff]}

    def to_internal_value(self, data: Any) -> FileUpload:
        """Return the record of an id.

        Raises:
            rest_framework.exceptions.ValidationError: the caller has no such upload, or it cannot be attached here.
        """
        row, model_field = self._find_row(), self._find_model_field()
        try:
            upload_id = FileUpload._meta.pk.to_python(str(data))
        except ValidationError:
            self.fail("invalid")
        if row is not None and model_field is not None and _has(row, model_field, upload_id):
            return FileUpload.objects.get(pk=upload_id)
        upload: FileUpload | None = self._owned().filter(pk=upload_id).first()
        if upload is None:
            self.fail("upload_not_found")
        try:
            validate_attachable(model_field or self._own_limits, upload, besides=row)
        except ValidationError as error:
            raise serializers.ValidationError(error.message, code=error.code) from error
        return upload

    def to_representation(self, value: Any) -> dict[str, Any]:
        """Return the file, with a URL that works for S3_FILE_UPLOADER_REDIRECT_EXPIRATION_SECONDS."""
        shown = {name: getattr(value, name) for name in ("id", "original_name", "size", "content_type", "status")}
        return {**shown, "id": str(value.pk), **_sign(value)}

    def _owned(self) -> Any:
        request = self.context.get("request")
        user_id = getattr(getattr(request, "user", None), "pk", None)
        # Without a user there is no owner: the records that have lost theirs are not the caller's.
        return FileUpload.objects.none() if user_id is None else FileUpload.objects.filter(user_id=user_id)

    @property
    def _holder(self) -> Any:
        """Return the field that stands in the serializer: with `many=True`, the one around this field."""
        return self.parent if isinstance(self.parent, serializers.ManyRelatedField) else self

    def _find_model_field(self) -> Any:
        model = getattr(getattr(self._holder.parent, "Meta", None), "model", None)
        names = {field.name: field for field in model._meta.get_fields()} if model else {}
        field = names.get(self._holder.source)
        return field if isinstance(field, UploadField | UploadsField) else None

    def _find_row(self) -> Any:
        row = getattr(self._holder.parent, "instance", None)
        return row if hasattr(row, "_meta") else None


def _has(row: Any, field: Any, upload_id: Any) -> bool:
    """Return True if the database says that a row has an upload in a field."""
    return bool(type(row)._base_manager.filter(pk=row.pk, **{field.name: upload_id}).exists())


def _sign(upload: FileUpload) -> dict[str, Any]:
    seconds = conf.redirect_expiration_seconds
    try:
        signed = stored_presign(upload=upload, expires_in_seconds=seconds)
    except S3FileUploaderError:  # The status says why.
        return {"url": None, "expires_at": None}
    return {"url": signed.url, "expires_at": UTCDateTimeField().to_representation(signed.expires_at)}


class UploadModelSerializer(ModelSerializer):
    """A `ModelSerializer` that makes an `UploadSerializerField` of each `UploadField` and `UploadsField`."""

    def build_relational_field(self, field_name: Any, relation_info: Any) -> Any:
        """Choose the class of a relation."""
        field_class, options = super().build_relational_field(field_name, relation_info)
        if isinstance(relation_info.model_field, UploadField | UploadsField):
            options.pop("queryset", None)
            return UploadSerializerField, options
        return field_class, options
