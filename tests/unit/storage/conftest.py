import pytest

from tests.support.storages import use_storage


@pytest.fixture
def storage(bucket, settings, db):
    """Return the default storage, with a bucket in memory."""
    return use_storage(settings, bucket)
