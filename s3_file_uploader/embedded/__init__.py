"""A real S3 for development and tests, without an account: `EmbeddedS3(folder)` as a context manager.

    with EmbeddedS3(Path(".data/s3")) as store:
        boto3.client("s3", endpoint_url=store.endpoint_url, ...)

In pytest: `pytest_plugins = ["s3_file_uploader.embedded.pytest_plugin"]`, then the fixture `embedded_s3`.
Nothing here is imported by the rest of the app, and nothing of Django is imported here.
"""

from .errors import EmbeddedS3Error
from .identity import Identity
from .ports import EVERY_ADDRESS, LOOPBACK, free_port
from .server import MOTO, EmbeddedS3

__all__ = ["EVERY_ADDRESS", "LOOPBACK", "MOTO", "EmbeddedS3", "EmbeddedS3Error", "Identity", "free_port"]
