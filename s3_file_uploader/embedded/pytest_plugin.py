"""The embedded S3 for a test suite: `pytest_plugins = ["s3_file_uploader.embedded.pytest_plugin"]`."""

from collections.abc import Iterator

import pytest

from .server import EmbeddedS3


@pytest.fixture(scope="session")
def embedded_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedS3]:
    """Yield a running, empty store; set S3_FILE_UPLOADER_EMBEDDED to its `folder`."""
    with EmbeddedS3(tmp_path_factory.mktemp("embedded-s3")) as store:
        yield store
