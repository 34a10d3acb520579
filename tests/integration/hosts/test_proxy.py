"""nginx with deploy/nginx.conf: what it hides, what it passes on, and how it treats slow clients and dead hosts."""

import os
import socket
import time
from contextlib import ExitStack
from uuid import uuid4

import pytest

from s3_file_uploader.models import AuditEvent
from s3_file_uploader.values import mib
from tests.integration.conftest import token_of
from tests.support.daemons import Nginx
from tests.support.killing import becomes_true
from tests.support.served import SERVICE

SLOW_CLIENTS = 20  # More than the threads of both hosts.


@pytest.mark.parametrize(
    "path",
    ["uppy/token/{}/s3/params", "UPPY/token/{}", "uppy//signed/{}", "shares/{}/", "%75ppy/token/{}/", "x/../shares/{}"],
)
def test_no_log_has_the_secret_of_an_address(hosts, client, path):
    secret, before = uuid4().hex, hosts.nginx.access_log.count(f"GET {SERVICE}hidden ")
    assert client(None).get(path.format(secret), params={"X-Amz-Signature": secret}).status_code in {401, 404}
    # nginx writes the line after it has sent the answer.
    becomes_true(lambda: hosts.nginx.access_log.count(f"GET {SERVICE}hidden ") == before + 1, 10)
    logs = hosts.nginx.access_log, hosts.nginx.error_log, hosts.one.log, hosts.two.log
    assert [log for log in logs if secret in log] == []


def test_error_log_has_no_secret_if_no_host_answers(hosts, client, tmp_path):
    secret = uuid4().hex
    with Nginx(tmp_path, 1, 2) as nginx:
        url = f"http://{nginx.address}{SERVICE}"
        assert client(None, url).get(f"shares/{secret}/").status_code == 502
        assert client(None, url).get("uploads/").status_code == 502
        assert secret not in nginx.error_log + nginx.access_log
        assert "uploads/" in nginx.error_log


def test_address_of_the_client_is_that_of_its_connection(hosts, client, user, bucket):
    forged = {"X-Forwarded-For": "203.0.113.7, 203.0.113.8"}
    answer = client(user).put(f"buckets/{bucket}/files/a/", content=b"content", headers=forged)
    assert answer.status_code == 201
    assert set(AuditEvent.objects.values_list("address", flat=True)) == {"127.0.0.1"}


def test_key_reaches_the_app_as_the_client_wrote_it(hosts, client, user, bucket):
    for name in ("a%2Fc", "d%252Fe", "été", "f%3Fg", "h;i=j"):
        answer = client(user).put(f"buckets/{bucket}/files/{name}/", content=b"content")
        direct = client(user, hosts.one.url).get("uploads/", params={"bucket": bucket})
        assert answer.status_code == 201, name
        assert answer.json()["file_name"] in [row["file_name"] for row in direct.json()["results"]]


def test_body_above_the_limit_is_refused_at_once(hosts, client, user, bucket):
    lines = f"PUT {SERVICE}buckets/{bucket}/files/a/ HTTP/1.1\r\nHost: x\r\nContent-Length: {mib(101)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", hosts.nginx.port), timeout=20) as connection:
        connection.sendall(lines.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_slow_clients_hold_no_thread_of_gunicorn(hosts, client, user, bucket):
    with ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(("127.0.0.1", hosts.nginx.port))) for _ in range(SLOW_CLIENTS)
        ]
        for number, connection in enumerate(slow):
            head = f"PUT {SERVICE}buckets/{bucket}/files/{number}/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            connection.sendall(
                f"{head}Authorization: {token_of(user)}\r\nContent-Length: 1000\r\n\r\n".encode() + b"a" * 500
            )
        began = time.monotonic()
        assert client(user).get("uploads/").json()["results"] == []
        assert time.monotonic() - began < 10
        for connection in slow:
            connection.sendall(b"b" * 500)
        assert [connection.recv(12) for connection in slow] == [b"HTTP/1.1 201"] * SLOW_CLIENTS


def test_dead_host_is_passed_over(hosts, client, user, bucket):
    hosts.one.kill()
    try:
        answers = [client(user).put(f"buckets/{bucket}/files/{n}/", content=os.urandom(100)) for n in range(6)]
        answers += [client(user).post("uppy/tokens/") for _ in range(6)]
        assert {answer.status_code for answer in answers} == {201}
    finally:
        hosts.one.start_if_stopped()
