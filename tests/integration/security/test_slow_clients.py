"""Slow and silent clients against gunicorn: they lose their thread, and no other client waits for them."""

import json
import threading
import time
from contextlib import ExitStack, suppress

import pytest

from tests.integration.conftest import client_at, token_of
from tests.support.served import ASGI, SERVICE, WSGI, Served

THREADS = 8
# One worker with 8 threads. Without the guard, each of these tests waits for at least 2 seconds, or forever.
AT_ONCE_SECONDS = 1.5
SOON_SECONDS = 15
OWN = """
from modules.settings import *
S3_FILE_UPLOADER_BODY_TIMEOUT_SECONDS = 1
S3_FILE_UPLOADER_FORM_TIMEOUT_SECONDS = 10
S3_FILE_UPLOADER_CLIENT_TIMEOUT_SECONDS = 2
"""
JSON, IN_URL = "application/json", "application/x-www-form-urlencoded"
FORM = "multipart/form-data; boundary=boundary"
ELSEWHERE = "another host"
TOKEN, LOGIN = "/auth/token/", "/admin/login/"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("impatient")


@pytest.fixture(scope="module")
def impatient_server(django_db_setup, embedded_s3, folder):
    (folder / "impatient.py").write_text(OWN)
    environment = {"PYTHONPATH": str(folder), "DJANGO_SETTINGS_MODULE": "impatient"}
    with Served(folder, WSGI, **environment, **embedded_s3.environment()) as server:
        yield server


@pytest.fixture
def impatient(transactional_db, impatient_server):
    """Serve with timeouts of a second or two. The log must have no traceback at the end."""
    before = len(impatient_server.log)
    yield impatient_server
    assert "Traceback" not in impatient_server.log[before:]


def head(verb, path, *lines, length):
    host = "Host: elsewhere" if ELSEWHERE in lines else "Host: localhost"
    own = [line for line in lines if line != ELSEWHERE]
    return "\r\n".join([f"{verb} {path} HTTP/1.1", host, f"Content-Length: {length}", *own, "", ""])


def seconds_of(server, path=f"{SERVICE}health/"):
    """Return how long another client waits for a response, on its own connection."""
    began = time.monotonic()
    with server.connect() as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 ")
    return time.monotonic() - began


def status_of(connection):
    return int(connection.recv(4096).split()[1])


# --- a body that the app does not read -------------------------------------------------------------------------------

REFUSED = {
    "401": ("PUT", f"{SERVICE}buckets/bucket/files/a.bin/", [], 401),
    "401 of a form": ("POST", f"{SERVICE}file/upload/", [f"Content-Type: {FORM}"], 401),
    "404 of no view": ("PUT", "/nowhere/", [], 404),
    "405": ("PUT", f"{SERVICE}health/", [], 405),
    "415 of the host": ("POST", TOKEN, ["Content-Type: text/plain"], 415),
    "403 by the middleware against CSRF": ("POST", LOGIN, ["Content-Type: text/plain"], 403),
    "400 of the wrong host": ("PUT", "/nowhere/", [ELSEWHERE], 400),
    "400 by name": ("PUT", f"{SERVICE}buckets/bucket/files/a//b/", ["TOKEN"], 400),
    "409 or 404 by the bucket": ("PUT", f"{SERVICE}buckets/none/files/a/", ["TOKEN"], 404),
}


@pytest.mark.parametrize("size", [60_000, 110_000, 300_000])
@pytest.mark.parametrize("kind", REFUSED)
def test_refused_body_of_any_size_delays_no_other_connection(impatient, user, kind, size):
    verb, path, lines, status = REFUSED[kind]
    lines = [line.replace("TOKEN", f"Authorization: {token_of(user)}") for line in lines]
    with impatient.connect() as refused:
        with suppress(OSError):
            refused.sendall(head(verb, path, *lines, length=size).encode() + b"x" * size)
        assert status_of(refused) == status
        time.sleep(0.1)  # The main loop of the worker has the connection again.
        assert seconds_of(impatient) < AT_ONCE_SECONDS


@pytest.mark.parametrize("sent", [0, 100_000])
def test_refused_body_that_stops_delays_no_other_connection(impatient, sent):
    with impatient.connect() as refused:
        refused.sendall(head("PUT", "/nowhere/", length=200_000).encode() + b"x" * sent)
        assert status_of(refused) == 404
        for _ in range(16):
            assert seconds_of(impatient) < AT_ONCE_SECONDS
            time.sleep(0.5)


def test_client_that_stays_after_close_delays_no_connection(impatient):
    with impatient.connect() as staying:
        staying.sendall(head("GET", f"{SERVICE}health/", "Connection: close", length=0).encode())
        assert status_of(staying) == 200
        time.sleep(0.1)
        assert seconds_of(impatient) < AT_ONCE_SECONDS


def test_refused_body_that_was_read_leaves_the_connection_open(impatient):
    body = head("PUT", "/nowhere/", length=300_000).encode() + b"x" * 300_000
    with impatient.connect() as connection:
        for _ in range(2):
            connection.sendall(body)
            received = b""
            while not received.endswith(b"</html>\n"):
                received += connection.recv(65536) or pytest.fail("The connection was closed.")
            assert received.startswith(b"HTTP/1.1 404 ")


def test_rest_of_a_refused_body_is_no_request(impatient):
    """This part of the body comes late, and looks like a request."""
    request = head("GET", f"{SERVICE}health/", length=0).encode()
    with impatient.connect() as refused:
        refused.sendall(head("PUT", "/nowhere/", length=1_000_000).encode())
        received = refused.recv(65536)
        with suppress(OSError):
            for _ in range(8):
                time.sleep(1)
                refused.sendall(request)
        with suppress(OSError):
            while data := refused.recv(65536):
                received += data
    assert received.count(b"HTTP/1.1 ") == 1


# --- a body that does not arrive -------------------------------------------------------------------------------------

SILENT = {
    "JSON": ("POST", f"{SERVICE}uploads/", JSON, 1000, 408),
    "a form in the URL's own shape": ("POST", f"{SERVICE}file/presigned/url/", IN_URL, 1000, 408),
    "form-data for JSON": ("POST", f"{SERVICE}uploads/", FORM, 1000, 408),
    "the form of a file": ("POST", f"{SERVICE}file/upload/", FORM, 10**6, 408),
    "a raw file": ("PUT", f"{SERVICE}buckets/BUCKET/files/NUMBER/", "video/mp4", 10**7, 408),
    "a token without a login": ("POST", TOKEN, JSON, 1000, 408),
    "a form without a login": ("POST", TOKEN, IN_URL, 1000, 408),
    "form-data without a login": ("POST", TOKEN, FORM, 1000, 408),
    "the admin's login": ("POST", LOGIN, IN_URL, 1000, 403),
}


def begun(stack, server, user, bucket, kind, number=0):
    verb, path, content_type, length, _ = SILENT[kind]
    lines = [f"Content-Type: {content_type}", *([f"Authorization: {token_of(user)}"] if SERVICE in path else [])]
    if path == LOGIN:
        lines.append(f"Cookie: csrftoken={'a' * 32}")  # Without a length, the server does not read the body.
    connection = stack.enter_context(server.connect())
    connection.sendall(
        head(verb, path.replace("BUCKET", bucket).replace("NUMBER", str(number)), *lines, length=length).encode()
    )
    return connection


@pytest.mark.parametrize("kind", SILENT)
@pytest.mark.parametrize("way", ["silent", "trickling"])
def test_threads_of_slow_bodies_are_free_after_the_timeout(impatient, user, bucket, kind, way):
    """As many clients as threads. Sending a byte now and then does not extend the deadline."""
    with ExitStack() as stack:
        clients = [begun(stack, impatient, user, bucket, kind, number) for number in range(THREADS)]
        if way == "trickling":
            over = threading.Event()
            stack.callback(over.set)
            threading.Thread(target=trickle, args=(clients, over)).start()
        time.sleep(0.5)
        assert seconds_of(impatient) < SOON_SECONDS
        assert {status_of(client) for client in clients} == {SILENT[kind][-1]}


def trickle(clients, over, size=1):
    while not over.wait(0.3):
        for client in clients:
            with suppress(OSError):
                client.send(b"-" * size)


@pytest.mark.parametrize("path", [TOKEN, LOGIN])
def test_threads_of_anonymous_forms_are_free_after_the_timeout(impatient, path):
    """They send fast enough for a file, until the deadline."""
    lines = [f"Content-Type: {FORM}", f"Cookie: csrftoken={'a' * 32}"]
    begin = '--boundary\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n\r\n'
    over = threading.Event()
    with ExitStack() as stack:
        clients = [stack.enter_context(impatient.connect()) for _ in range(THREADS)]
        for client in clients:
            client.sendall((head("POST", path, *lines, length=10**8) + begin).encode())
        stack.callback(over.set)
        threading.Thread(target=trickle, args=(clients, over, 600)).start()
        time.sleep(0.5)
        assert seconds_of(impatient) < SOON_SECONDS


def test_slow_chunks_are_refused_at_the_deadline(impatient, user, bucket):
    lines = [f"PUT {SERVICE}buckets/{bucket}/files/a.bin/ HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked"]
    began = time.monotonic()
    with impatient.connect() as client:
        client.sendall("\r\n".join([*lines, f"Authorization: {token_of(user)}", "", ""]).encode())
        client.settimeout(0.3)
        answer = b""
        while not answer and time.monotonic() - began < 60:
            with suppress(OSError):
                client.sendall(b"1\r\nx\r\n")
            with suppress(TimeoutError):
                answer = client.recv(4096)
        client.settimeout(10)
        with suppress(ConnectionResetError):
            while data := client.recv(4096):
                answer += data
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "request_too_slow"


@pytest.mark.parametrize("kind", ["raw", "form", "chunks"])
def test_slow_file_at_the_minimum_rate_is_stored(impatient, user, bucket, kind):
    """The whole takes longer than the timeout, but each pause is shorter."""

    def slowly():
        for _ in range(8):
            time.sleep(0.7)
            yield b"x" * 2000

    with client_at(impatient.url, user) as client:
        if kind == "form":
            start = b'--boundary\r\nContent-Disposition: form-data; name="bucket"\r\n\r\n' + bucket.encode()
            start += b'\r\n--boundary\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
            parts, end = [start, *[b"x" * 2000] * 8], b"\r\n--boundary--\r\n"

            def paced():
                for part in [*parts, end]:
                    time.sleep(0.5)
                    yield part

            length = str(sum(map(len, parts)) + len(end))
            headers = {"Content-Type": FORM, "Content-Length": length}
            answer = client.post("file/upload/", content=paced(), headers=headers)
        else:
            headers = {"Content-Length": "16000"} if kind == "raw" else {}
            answer = client.put(f"buckets/{bucket}/files/a/", content=slowly(), headers=headers)
    assert (answer.status_code, answer.json()["size"]) == (201, 16_000)


def test_connection_with_a_slow_body_is_closed(impatient, user):
    with ExitStack() as stack:
        client = begun(stack, impatient, user, "", "JSON")
        assert status_of(client) == 408
        client.settimeout(10)
        with suppress(OSError):
            client.sendall(b"x" * 1000 + head("GET", f"{SERVICE}health/", length=0).encode())
        rest = b""  # The body of the 408 may arrive after its head.
        with suppress(ConnectionResetError):
            while data := client.recv(4096):
                rest += data
        assert b"HTTP/1.1" not in rest


# --- under ASGI ------------------------------------------------------------------------------------------------------

ASGI_STREAMS = 2


@pytest.fixture
def impatient_asgi(transactional_db, embedded_s3, tmp_path):
    own = f"{OWN}S3_FILE_UPLOADER_ASGI_STREAMS = {ASGI_STREAMS}\n"
    (tmp_path / "impatient.py").write_text(own)
    environment = {"PYTHONPATH": str(tmp_path), "DJANGO_SETTINGS_MODULE": "impatient"}
    with Served(tmp_path, ASGI, **environment, **embedded_s3.environment()) as server:
        yield server
        assert "Traceback" not in server.log


@pytest.mark.parametrize("kind", ["the form of a file", "a raw file"])
def test_silent_uploads_under_asgi_end_and_delay_no_other_upload(impatient_asgi, user, bucket, kind):
    """Uploads beyond the streams are collected by Django, without a thread for each."""
    with ExitStack() as stack, client_at(impatient_asgi.url, user) as other:
        clients = [begun(stack, impatient_asgi, user, bucket, kind, number) for number in range(ASGI_STREAMS)]
        assert other.put(f"buckets/{bucket}/files/other/", content=b"x" * 1000).status_code == 201
        assert {status_of(client) for client in clients} == {408}
