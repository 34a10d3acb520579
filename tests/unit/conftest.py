"""Fixtures of the unit tests: a store in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from s3_file_uploader.s3.client import get_client
from tests.support.certificate import OwnCertificate


@pytest.fixture
def aws() -> Iterator[None]:
    """Replace AWS by moto, which checks neither signatures nor expiry."""
    with mock_aws():
        yield


@pytest.fixture
def certificate(tmp_path: Path) -> OwnCertificate:
    """Return a new certificate."""
    return OwnCertificate(tmp_path / "certificate.pem")


@pytest.fixture
def bucket(aws: None) -> str:
    get_client().create_bucket(Bucket="bucket-one")
    return "bucket-one"
