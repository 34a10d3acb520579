"""System checks of upload fields.

E038 option of a field has no effect    W016 files expire, and no field attaches any
"""

from typing import Any

from django.core.checks import CheckMessage, Tags, register

from ..conf import conf
from ..services.references import list_references
from .messages import build_error, build_warning


@register(Tags.models)
def check_upload_fields(**kwargs: Any) -> list[CheckMessage]:
    """Check the options of each upload field (E038), and warn if files expire without any field (W016)."""
    fields = [reference.field for reference in list_references() if reference.attaches]
    messages: list[CheckMessage] = [
        build_error("E038", f"The upload field {field} has an option without effect.", hint)
        for field in fields
        for hint in _list_hints(field)
    ]
    if conf.unattached_seconds is not None and not fields:
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
