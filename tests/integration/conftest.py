"""A running server in front of the embedded S3, and HTTP clients."""

import os
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

from s3_file_uploader.s3.client import get_client
from tests.settings import DATABASES
from tests.support.served import ASGI, WSGI, Served, Server
from tests.support.served import SERVICE as SERVICE  # noqa: PLC0414 - for those who import it from here
from tests.support.stores import KINDS, MAIN, Store, use_store

ClientOf = Callable[[User | None], httpx.Client]
StoreOf = Callable[[str], Store]
ServerOf = Callable[[Server, Store], Served]
SLOW_FOLDERS = ("/crash/", "/hosts/", "/delivery/", "/security/", "/snippets/")


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


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreOf]:
    """Start each kind of store once, when a test needs it."""
    with ExitStack() as stack:

        @cache
        def store_of(kind: str) -> Store:
            store = KINDS[kind](tmp_path_factory.mktemp(kind))
            stack.enter_context(store)
            return store

        yield store_of


@pytest.fixture(scope="session")
def embedded_s3(stores: StoreOf) -> Store:
    """Return the store of most tests: the embedded S3, unless TEST_STORE names another."""
    return stores(MAIN)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests with the mark `each_store` on each kind of store, with its abilities in the settings.

    Stores differ alike on each database, so PostgreSQL has the main store only.
    """
    if metafunc.definition.get_closest_marker("each_store"):
        is_alone = "TEST_STORE" in os.environ or "postgresql" in DATABASES["default"]["ENGINE"]
        metafunc.parametrize("store", [MAIN] if is_alone else list(KINDS), indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow folders first, and give each test of schemathesis the id of its operation.

    A process of pytest-xdist runs a whole file, so a slow one that is started last keeps the others waiting. pytest
    names the tests of schemathesis after their function.
    """
    items.sort(key=lambda item: not any(folder in item.nodeid for folder in SLOW_FOLDERS))
    for item in items:
        if not item.nodeid.endswith(item.name) and item.parent:
            item._id = item.parent.id.child(item.name)


@pytest.fixture(autouse=True)
def store(request: pytest.FixtureRequest, own_settings: Settings, embedded_s3: Store, stores: StoreOf) -> Store:
    """Use the main store in every integration test, or the one of the parameter."""
    store = stores(request.param) if hasattr(request, "param") else embedded_s3
    use_store(own_settings, store)
    return store


@pytest.fixture
def seaweedfs(store: Store, own_settings: Settings, stores: StoreOf) -> Store:
    """Use SeaweedFS instead of the main store, without a setting of its abilities."""
    use_store(own_settings, stores("seaweedfs"), with_abilities=False)
    return stores("seaweedfs")


@pytest.fixture(params=list(KINDS))
def each_store(request: pytest.FixtureRequest, store: Store, own_settings: Settings, stores: StoreOf) -> str:
    """Use each real store in turn, without a setting of its abilities, and return its name."""
    use_store(own_settings, stores(request.param), with_abilities=False)
    return str(request.param)


@pytest.fixture
def http(transactional_db: None, live_server: LiveServer) -> Iterator[ClientOf]:
    """Return a function that makes clients of the service, with the token of a user or without."""
    with ExitStack() as stack:

        def client_of(person: User | None) -> httpx.Client:
            return stack.enter_context(client_at(live_server.url + SERVICE, person))

        yield client_of


@pytest.fixture(scope="session")
def servers(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerOf]:
    """Start each kind of server once, on the database of the tests and a store."""
    with ExitStack() as stack:

        @cache
        def server_of(kind: Server, store: Store) -> Served:
            return stack.enter_context(Served(tmp_path_factory.mktemp("served"), kind, **store.environment()))

        yield server_of


@pytest.fixture
def served(transactional_db: None, servers: ServerOf, store: Store) -> Served:
    """Serve with gunicorn, as in production."""
    return servers(WSGI, store)


@pytest.fixture(scope="session")
def served_for_uppy(
    django_db_setup: None, embedded_s3: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Serve with a bucket for Uppy. Tests that use it need `transactional_db`."""
    folder = tmp_path_factory.mktemp("served-for-uppy")
    own = 'S3_FILE_UPLOADER_UPPY_BUCKET = "fuzzed-bucket"'
    (folder / "settings_for_uppy.py").write_text(f"from modules.settings import *\n\n{own}\n")
    environment = {"PYTHONPATH": str(folder), "DJANGO_SETTINGS_MODULE": "settings_for_uppy"}
    with Served(folder, WSGI, **environment, **embedded_s3.environment()) as server:
        yield server


@pytest.fixture(params=[WSGI, ASGI], ids=["wsgi", "asgi"])
def both(request: pytest.FixtureRequest, transactional_db: None, servers: ServerOf, store: Store) -> Served:
    """Serve with gunicorn, then with uvicorn."""
    return servers(request.param, store)


@pytest.fixture
def bucket_of_each_store(each_store: str) -> str:
    """Return a new bucket in the store of the test."""
    return new_bucket()


@pytest.fixture
def bucket(store: Store) -> str:
    """Return a new, empty bucket of this test."""
    return new_bucket()


def new_bucket() -> str:
    """Create a bucket with a unique name in the store of the settings."""
    name = f"bucket-{uuid4().hex[:12]}"
    get_client().create_bucket(Bucket=name)
    return name
