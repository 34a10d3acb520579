"""Uploads inside a host's own models: fields of models, serializers and forms.

A module with models imports this before all models are loaded, so each name is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .fields import UploadField, UploadsField

if TYPE_CHECKING:
    from .forms import UploadFormField, UploadsFormField, UploadWidget
    from .serializers import AttachedUploadSerializer, UploadModelSerializer, UploadSerializerField

__all__ = [
    "AttachedUploadSerializer",
    "UploadField",
    "UploadFormField",
    "UploadModelSerializer",
    "UploadSerializerField",
    "UploadWidget",
    "UploadsField",
    "UploadsFormField",
]

_HOMES = {
    **dict.fromkeys(("AttachedUploadSerializer", "UploadModelSerializer", "UploadSerializerField"), ".serializers"),
    **dict.fromkeys(("UploadFormField", "UploadsFormField", "UploadWidget"), ".forms"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
