"""An `UploadStorage` as the default storage of a test."""

from typing import Any

from django.core.files.storage import storages

STATIC = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
UPLOAD_STORAGE = "s3_file_uploader.storage.UploadStorage"


def use_storage(settings: Any, bucket: str, **options: Any) -> Any:
    """Set the default storage, and return it."""
    default = {"BACKEND": UPLOAD_STORAGE, "OPTIONS": {"bucket": bucket, **options}}
    settings.STORAGES = {"default": default, "staticfiles": STATIC}
    return storages["default"]
