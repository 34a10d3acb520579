"""A store in memory for unit tests."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from s3_file_uploader import s3


@pytest.fixture
def aws() -> Iterator[None]:
    """Let moto answer for AWS; it checks neither signatures nor expiry."""
    with mock_aws():
        yield


@pytest.fixture
def bucket(aws: None) -> str:
    s3.client().create_bucket(Bucket="bucket-one")
    return "bucket-one"
