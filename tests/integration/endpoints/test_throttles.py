"""Throttles over several processes: they share their counts, and a refused client sends no body."""

import time
from contextlib import ExitStack
from itertools import cycle

import httpx
import pytest
from django.core.management import call_command

from tests.integration.conftest import client_at, token_of
from tests.support.served import SERVICE, WSGI, Served
from tests.support.throttled_settings import BACKENDS

ALLOWED = 60


@pytest.fixture(params=sorted(BACKENDS))
def throttled(request, transactional_db, settings, store, tmp_path):
    """Serve as two hosts would, with a shared cache."""
    settings.CACHES = {"default": BACKENDS["database"]}
    call_command("createcachetable")
    variables = {"DJANGO_SETTINGS_MODULE": "tests.support.throttled_settings", "THROTTLE_CACHE": request.param}
    with ExitStack() as stack:
        yield [stack.enter_context(Served(tmp_path, WSGI, **variables, **store.environment())) for _ in range(2)]


def test_throttle_counts_requests_of_all_processes(throttled, user, other):
    headers, served = {"Authorization": token_of(user)}, cycle(throttled)
    answers = [httpx.get(f"{next(served).url}uploads/", headers=headers) for _ in range(ALLOWED + 10)]
    assert [answer.status_code for answer in answers] == [200] * ALLOWED + [429] * 10
    assert {answer.json()["code"] for answer in answers[ALLOWED:]} == {"throttled"}
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 3600
    with client_at(next(served).url, other) as client:
        assert client.get("uploads/").status_code == 200


def test_throttle_responds_before_the_body(throttled, user, bucket):
    one, _ = throttled
    with client_at(one.url, user) as client:
        assert client.put(f"buckets/{bucket}/files/a/", content=b"content").status_code == 201
    lines = (
        f"PUT {SERVICE}buckets/{bucket}/files/b/ HTTP/1.1",
        *(f"Host: 127.0.0.1:{one.port}", f"Authorization: {token_of(user)}", "Content-Length: 1000000000"),
    )
    began = time.monotonic()
    with one.connect() as connection:
        connection.sendall("\r\n".join((*lines, "", "")).encode())
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 429 ")
    assert b"\r\nRetry-After: " in answer
    assert time.monotonic() - began < 10
