"""The host's settings, with pages that contain Uppy."""

from modules.settings import *  # noqa: F403

ROOT_URLCONF = "tests.integration.uppy.urls"
S3_FILE_UPLOADER_UPPY_BUCKET = "uppy"
