"""A real S3 for development and tests, without an account.

In a Django project, set `S3_FILE_UPLOADER_EMBEDDED = BASE_DIR / ".s3"`. Elsewhere, use the context manager:

    with EmbeddedS3(Path(".data/s3")) as store:
        boto3.client("s3", endpoint_url=store.endpoint_url, ...)

In pytest: `pytest_plugins = ["s3_file_uploader.embedded.pytest_plugin"]`, then the fixture `embedded_s3`.
This package imports neither Django nor the rest of the app.
"""

from .errors import EmbeddedS3Error
from .identity import Identity
from .juicefs import find_juicefs
from .ports import EVERY_ADDRESS, LOOPBACK, free_port
from .server import NOT_INSTALLED, EmbeddedS3
from .shared import is_entered, keep_running

__all__ = [
    "EVERY_ADDRESS",
    "LOOPBACK",
    "NOT_INSTALLED",
    "EmbeddedS3",
    "EmbeddedS3Error",
    "Identity",
    "find_juicefs",
    "free_port",
    "is_entered",
    "keep_running",
]
