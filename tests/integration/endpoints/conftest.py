"""A server that exposes its metrics, in front of a store of its own, which may be stopped."""

import pytest

from s3_file_uploader.embedded import EmbeddedS3
from tests.support.monitored import Monitored


@pytest.fixture
def own_store(tmp_path):
    with EmbeddedS3(tmp_path / "s3") as store:
        yield store


@pytest.fixture
def monitored(transactional_db, own_store, tmp_path):
    with Monitored(tmp_path, **own_store.environment()) as server:
        yield server
