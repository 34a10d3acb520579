"""Fixtures of the unit tests: a store in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import backend_index, mock_aws
from moto.s3.models import S3Backend

from s3_file_uploader.s3.client import get_client
from tests.support.certificate import OwnCertificate

# moto prepares all its services in each test, and compares each address with theirs. Only these two are called here.
CALLED = ("s3", "sts")
backend_index.backend_url_patterns[:] = [entry for entry in backend_index.backend_url_patterns if entry[0] in CALLED]
# moto builds this table for each request, always the same one.
S3Backend.urls = S3Backend("us-east-1", "123456789012").urls  # type: ignore[method-assign, assignment]


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
