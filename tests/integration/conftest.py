"""A running server in front of the embedded S3, and HTTP clients."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from uuid import uuid4

import httpx
import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.management import create_contenttypes
from django.db.models.signals import post_migrate
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer
from rest_framework.authtoken.models import Token

from s3_file_uploader.embedded import EmbeddedS3
from s3_file_uploader.s3.client import get_client
from tests.support.seaweedfs import SeaweedFS
from tests.support.served import ASGI, WSGI, Served, Server
from tests.support.served import SERVICE as SERVICE  # noqa: PLC0414 - for those who import it from here

ClientOf = Callable[[User | None], httpx.Client]


def token_of(person: User) -> str:
    """Return the Authorization header of a user."""
    return f"Token {Token.objects.get_or_create(user=person)[0].key}"


def client_at(url: str, person: User | None) -> httpx.Client:
    """Return a client with the token of a user, or without a token."""
    headers = {} if person is None else {"Authorization": token_of(person)}
    return httpx.Client(base_url=url, headers=headers, timeout=60)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """Make the database once; the flush after each test makes no permissions and content types anew."""
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    post_migrate.disconnect(create_contenttypes)


@pytest.fixture(autouse=True)
def store(own_settings: Settings, embedded_s3: EmbeddedS3) -> EmbeddedS3:
    """Use the embedded S3 in every integration test."""
    for name, value in embedded_s3.environment().items():
        setattr(own_settings, name, value)
    return embedded_s3


@pytest.fixture(scope="session")
def running_seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    """Start a second real store, once, for the tests that use it."""
    with SeaweedFS(tmp_path_factory.mktemp("seaweedfs")) as store:
        yield store


@pytest.fixture
def seaweedfs(store: EmbeddedS3, own_settings: Settings, running_seaweedfs: SeaweedFS) -> SeaweedFS:
    """Use SeaweedFS instead of the embedded S3, with no other setting."""
    for name, value in running_seaweedfs.environment().items():
        setattr(own_settings, name, value)
    return running_seaweedfs


@pytest.fixture(params=["juicefs", "seaweedfs"])
def each_store(request: pytest.FixtureRequest, store: EmbeddedS3) -> str:
    """Use each real store in turn, and return its name."""
    if request.param == "seaweedfs":
        request.getfixturevalue("seaweedfs")
    return str(request.param)


@pytest.fixture
def http(transactional_db: None, live_server: LiveServer) -> Iterator[ClientOf]:
    """Return a function that makes clients of the service, with the token of a user or without."""
    with ExitStack() as stack:

        def client_of(person: User | None) -> httpx.Client:
            return stack.enter_context(client_at(live_server.url + SERVICE, person))

        yield client_of


@pytest.fixture(scope="session")
def servers(
    django_db_setup: None, embedded_s3: EmbeddedS3, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Server], Served]]:
    """Start each kind of server once, on the database and the store of the tests."""
    with ExitStack() as stack:

        @cache
        def server_of(kind: Server) -> Served:
            return stack.enter_context(Served(tmp_path_factory.mktemp("served"), kind, **embedded_s3.environment()))

        yield server_of


@pytest.fixture
def served(transactional_db: None, servers: Callable[[Server], Served]) -> Served:
    """Serve with gunicorn, as in production."""
    return servers(WSGI)


@pytest.fixture(scope="session")
def served_for_uppy(
    django_db_setup: None, embedded_s3: EmbeddedS3, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Serve with a bucket for Uppy. Tests that use it need `transactional_db`."""
    folder = tmp_path_factory.mktemp("served-for-uppy")
    own = 'S3_FILE_UPLOADER_UPPY_BUCKET = "fuzzed-bucket"'
    (folder / "settings_for_uppy.py").write_text(f"from modules.settings import *\n\n{own}\n")
    environment = {"PYTHONPATH": str(folder), "DJANGO_SETTINGS_MODULE": "settings_for_uppy"}
    with Served(folder, WSGI, **environment, **embedded_s3.environment()) as server:
        yield server


@pytest.fixture(params=[WSGI, ASGI], ids=["wsgi", "asgi"])
def both(request: pytest.FixtureRequest, transactional_db: None, servers: Callable[[Server], Served]) -> Served:
    """Serve with gunicorn, then with uvicorn."""
    return servers(request.param)


@pytest.fixture
def bucket_of_each_store(each_store: str) -> str:
    """Return a new bucket in the store of the test."""
    return new_bucket()


@pytest.fixture
def bucket(store: EmbeddedS3) -> str:
    """Return a new, empty bucket of this test."""
    return new_bucket()


def new_bucket() -> str:
    """Create a bucket with a unique name in the store of the settings."""
    name = f"bucket-{uuid4().hex[:12]}"
    get_client().create_bucket(Bucket=name)
    return name
