"""A running server in front of the embedded S3, and clients of it that speak HTTP."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from uuid import uuid4

import httpx
import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer
from rest_framework.authtoken.models import Token

from s3_file_uploader import s3
from s3_file_uploader.embedded import EmbeddedS3

SERVICE = "/modules/s3-file-uploader/service/"
ClientOf = Callable[[User | None], httpx.Client]


@pytest.fixture(autouse=True)
def store(own_settings: Settings, embedded_s3: EmbeddedS3) -> EmbeddedS3:
    """Use the embedded S3 in every integration test."""
    for name, value in embedded_s3.environment().items():
        setattr(own_settings, name, value)
    return embedded_s3


@pytest.fixture
def http(transactional_db: None, live_server: LiveServer) -> Iterator[ClientOf]:
    """Give a client of the running service, with the token of a person or of nobody."""
    with ExitStack() as stack:

        def client_of(person: User | None) -> httpx.Client:
            headers = (
                {} if person is None else {"Authorization": f"Token {Token.objects.get_or_create(user=person)[0].key}"}
            )
            return stack.enter_context(httpx.Client(base_url=live_server.url + SERVICE, headers=headers, timeout=60))

        yield client_of


@pytest.fixture
def bucket(store: EmbeddedS3) -> str:
    """Return a new bucket, empty and of this test alone."""
    name = f"bucket-{uuid4().hex[:12]}"
    s3.client().create_bucket(Bucket=name)
    return name
