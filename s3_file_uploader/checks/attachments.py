"""System checks of upload fields.

E038 option of a field has no effect    W016 files expire, and no field attaches any
E039 bucket of forms is no bucket name
"""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, register

from ..conf import conf
from ..exceptions import InvalidBucketName
from ..policy.names import validate_bucket_name
from ..services.references import list_references
from .messages import build_error, build_warning


@register(Tags.models)
def check_upload_fields(**kwargs: Any) -> list[CheckMessage]:
    """Check upload fields (E038) and the bucket of forms (E039), and warn of expiry without fields (W016)."""
    messages = check_fields([reference.field for reference in list_references() if reference.attaches])
    try:
        validate_bucket_name(conf.form_bucket or "any-bucket")
    except InvalidBucketName as error:
        messages.append(build_error("E039", "S3_FILE_UPLOADER_FORM_BUCKET is not the name of a bucket.", str(error)))
    return messages


def check_fields(fields: Sequence[Any]) -> list[CheckMessage]:
    """Return the messages about these upload fields."""
    messages: list[CheckMessage] = [
        build_error("E038", f"The upload field {field} has an option without effect.", hint)
        for field in fields
        for hint in _list_hints(field)
    ]
    if getattr(settings, "S3_FILE_UPLOADER_UNATTACHED_SECONDS", None) is not None and not fields:
        hint = "Remove it: files expire only in projects whose models have an UploadField or UploadsField."
        messages.append(build_warning("W016", "S3_FILE_UPLOADER_UNATTACHED_SECONDS has no effect.", hint))
    return messages


def _list_hints(field: Any) -> list[str]:
    types, endings, size = field.content_types or (), field.extensions or (), field.max_bytes
    wrong = {
        "Set cleanup to delete or keep.": field.cleanup not in ("delete", "keep"),
        "Set content_types to types such as image/png or image/*.": any(
            word.count("/") != 1 or word.strip("/") != word for word in types
        ),
        "Set extensions to endings without the first dot, such as png.": any(
            word.startswith(".") or "/" in word for word in endings
        ),
        "Set max_bytes to a number of bytes above 0.": size is not None and (type(size) is not int or size < 1),
    }
    return [hint for hint, is_wrong in wrong.items() if is_wrong]
