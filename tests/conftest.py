"""Fixtures of all tests: users, and settings that name no real store."""

import os
from collections import Counter
from functools import cache
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from httpx._transports import default as httpx_transport
from hypothesis import settings as generation
from pytest_django import Settings
from rest_framework.test import APIClient

from s3_file_uploader.s3.client import forget_buckets
from tests.support import programs

# `make fuzz` sets the number of random inputs for each property. Without it, tests use few inputs, the same in each
# run.
FUZZ_INPUTS = int(os.environ.get("FUZZ_INPUTS") or 0)
generation.register_profile(
    "tests", derandomize=not FUZZ_INPUTS, max_examples=FUZZ_INPUTS or 100, database=None, deadline=None
)
generation.load_profile("tests")

# httpx reads the certificates of all authorities for each client, and for each request without one, which takes longer
# than most requests.
httpx_transport.create_ssl_context = cache(httpx.create_ssl_context)  # type: ignore[attr-defined]

programs.use()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse two tests with one id: pytest-xdist runs only one of them when it schedules by id."""
    repeated = [nodeid for nodeid, count in Counter(item.nodeid for item in session.items).items() if count > 1]
    if repeated:
        raise pytest.UsageError(f"These ids belong to several tests: {', '.join(repeated)}")


pytest_plugins = ["s3_file_uploader.embedded.pytest_plugin"]


@pytest.fixture(autouse=True)
def current_content_types():
    """Forget the ids of content types: a test with real transactions flushes the table, and new rows have other ids."""
    ContentType.objects.clear_cache()


@pytest.fixture(autouse=True)
def own_settings(settings: Settings, tmp_path: Any) -> Settings:
    """Set a region, invented keys, and a download folder for this test only."""
    settings.AWS_STORAGE_REGION = "us-east-1"
    settings.AWS_ACCESS_KEY_ID = "test-access-key"
    settings.AWS_SECRET_ACCESS_KEY = "test-secret-key"
    settings.PATH_TO_SAVE_FILE = str(tmp_path)
    forget_buckets()
    return settings


@pytest.fixture
def staff(db: None) -> User:
    return User.objects.create_user("staff", is_staff=True, is_superuser=True)


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("user")


@pytest.fixture
def other(db: None) -> User:
    return User.objects.create_user("other")


def client_of(person: User | None) -> APIClient:
    """Return DRF's test client, logged in as the user. Errors of the server become responses, not exceptions."""
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(person)
    return client
