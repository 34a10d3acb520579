"""Check an upload before it is attached: it is stored, nothing else holds it, and it is within the field's limits."""

from typing import Any

from django.core.exceptions import ValidationError

from ..api.errors import STATUS_AND_CODE
from ..exceptions import FileNotFound, FileQuarantined, S3FileUploaderError
from ..models import FileUpload
from ..policy.bucket_policy import Policy
from ..services.limits import validate_upload
from ..services.references import NOT_CLEAN, NOT_STORED, validate_free


def validate_new(field: Any, upload_id: Any, instance: Any) -> None:
    """Check an upload for a field of one row; the upload that the row has already passes.

    Args:
        field: an `UploadField`.
        upload_id: id of an existing record, or None.
        instance: the row, saved or not.

    Raises:
        ValidationError: with the code that the API has for the error.
    """
    if upload_id is None:
        return
    rows = field.model._base_manager.filter(pk=getattr(instance, field.model._meta.pk.attname))
    if rows.filter(**{field.attname: upload_id}).exists():
        return
    validate_attachable(field, FileUpload.objects.get(pk=upload_id), besides=instance)


def validate_attachable(limits: Any, upload: FileUpload, *, besides: Any = None) -> None:
    """Check an upload against a field.

    Args:
        limits: anything with `content_types`, `extensions`, `max_bytes` and `shared`.
        upload: the record.
        besides: the row that shall refer to it.

    Raises:
        ValidationError: with the code that the API has for the error.
    """
    try:
        _validate_stored(upload)
        validate_limits(limits, upload)
        validate_free(upload_id=upload.pk, shared=limits.shared, besides=besides)
    except S3FileUploaderError as error:
        raise ValidationError(str(error), code=find_code(error)) from error


def validate_limits(limits: Any, upload: FileUpload) -> None:
    """Check type, name and size, as the policy of a bucket would.

    Raises:
        FileTooLarge, ContentTypeNotAllowed: the field does not take the file.
    """
    policy = Policy(
        max_file_bytes=limits.max_bytes,
        content_types=_freeze(limits.content_types),
        extensions=_freeze(limits.extensions),
    )
    names = (upload.file_name, upload.original_name)
    validate_upload(policy, names=names, content_type=upload.content_type, size=upload.size)


def find_code(error: S3FileUploaderError) -> str:
    """Return the code that the API has for an error."""
    return next(code for kind, _, code in STATUS_AND_CODE if isinstance(error, kind))


def _validate_stored(upload: FileUpload) -> None:
    if upload.status == FileUpload.Status.QUARANTINED:
        raise FileQuarantined(NOT_CLEAN)
    if upload.status != FileUpload.Status.STORED:
        raise FileNotFound(NOT_STORED)


def _freeze(words: list[str] | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(words)
