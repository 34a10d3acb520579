"""Fixtures of the unit tests: a store in memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management.commands import flush
from moto import backend_index, mock_aws
from moto.s3.models import S3Backend

from s3_file_uploader.s3.client import get_client
from tests.support.certificate import OwnCertificate

# moto prepares all its services in each test, and compares each address with theirs. Only these two are called here.
CALLED = ("s3", "sts")
backend_index.backend_url_patterns[:] = [entry for entry in backend_index.backend_url_patterns if entry[0] in CALLED]
# moto builds this table for each request, always the same one.
S3Backend.urls = S3Backend("us-east-1", "123456789012").urls  # type: ignore[method-assign, assignment]


# A test with real transactions flushes the database at its end. Django then creates content types and permissions
# again, which takes longer than most tests. They are the same for each test, so they stay.
CREATED_BY_MIGRATE = {"django_content_type", "auth_permission"}


def sql_flush(style: Any, connection: Any, **options: Any) -> list[str]:
    """Return the SQL that empties all tables of models except those that `migrate` fills."""
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    statements: list[str] = connection.ops.sql_flush(style, set(tables) - CREATED_BY_MIGRATE, **options)
    return statements


flush.sql_flush = sql_flush  # type: ignore[attr-defined]
flush.emit_post_migrate_signal = lambda *args, **kwargs: None  # type: ignore[attr-defined]


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
