"""The guard of a body, on a real connection and with the parser of gunicorn."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from math import inf
from threading import Event, Timer
from time import monotonic
from types import SimpleNamespace

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse, UnreadablePostError
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser

from s3_file_uploader.api.requests.body import RequestBody
from s3_file_uploader.api.requests.body_guard import DRAINED_BYTES, STEP_BYTES, body_guard, close_cleanly
from s3_file_uploader.api.requests.slow_clients import Patience, Watchdog, shut_down
from s3_file_uploader.exceptions import RequestTooSlow
from s3_file_uploader.middleware import GuardMiddleware

SOON_SECONDS = 20
FORM = "multipart/form-data; boundary=x"


@pytest.fixture
def pair():
    server, client = socket.socketpair()
    server.settimeout(SOON_SECONDS)
    client.settimeout(SOON_SECONDS)
    with server, client:
        yield server, client


@pytest.fixture
def arrives(pair):
    """Let a client send a request; return what Django makes of it."""
    server, client = pair

    def request(body=b"", *, length=None, method="PUT", content_type="", chunked=False, **environ):
        framing = (
            "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body) if length is None else length}"
        )
        client.sendall(f"{method} / HTTP/1.1\r\nHost: here\r\n{framing}\r\n\r\n".encode())
        message = next(RequestParser(Config(), server, ("127.0.0.1", 1)))
        client.sendall(body)
        own = {"CONTENT_LENGTH": framing.rpartition(" ")[2], "CONTENT_TYPE": content_type}
        if chunked:
            own = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_TYPE": content_type, "wsgi.input_terminated": True}
        rest = {"wsgi.input": message.body, "gunicorn.socket": server, "SERVER_PROTOCOL": "HTTP/1.1"}
        return WSGIRequest({"REQUEST_METHOD": method, "PATH_INFO": "/", **own, **rest, **environ})

    request.client, request.server = client, server
    return request


class Response(HttpResponse):
    """Ends no connection to a database, as the end of a request would."""

    def close(self):
        self.closed = True


def is_open(arrives):
    """Return whether the client could send another request."""
    arrives.client.setblocking(False)
    with suppress(BlockingIOError):
        return arrives.client.recv(1) != b""
    return True


def answered(request):
    response = Response()
    close_cleanly(request, response)
    response.close()
    response.close()


class TestWatchdog:
    def test_limit_read_that_waits_is_ended(self, pair):
        server, _ = pair
        with pytest.raises(TimeoutError, match="too slowly"):
            with Watchdog().limit(server, 0.05):
                assert server.recv(1) == b""

    def test_limit_error_after_the_deadline_is_a_timeout(self, pair):
        server, _ = pair
        with pytest.raises(TimeoutError, match="too slowly"):
            with Watchdog().limit(server, 0):
                server.recv(1)
                raise ConnectionResetError

    def test_limit_error_before_the_deadline_is_itself(self, pair):
        with pytest.raises(ConnectionResetError), Watchdog().limit(pair[0], SOON_SECONDS):
            raise ConnectionResetError

    def test_limit_shorter_one_is_kept_beside_a_longer_one(self, pair):
        watchdog = Watchdog()
        with watchdog.limit(pair[1], 600):
            with pytest.raises(TimeoutError), watchdog.limit(pair[0], 0.05):
                pair[0].recv(1)

    def test_limit_read_in_time_leaves_the_connection(self, pair):
        server, client = pair
        client.sendall(b"x")
        with Watchdog().limit(server, SOON_SECONDS):
            assert server.recv(1) == b"x"
        client.sendall(b"y")
        assert server.recv(1) == b"y"

    def test_shut_down_connection_that_is_closed_is_fine(self):
        closed = socket.socket()
        closed.close()
        shut_down(closed, socket.SHUT_RDWR)


class TestPatience:
    def test_patience_without_rate_only_shrinks(self):
        patience = Patience(30)
        patience.account(waited=20, received=10**9)
        assert (patience.has_rate, patience.seconds_for(5000)) == (False, 10)
        patience.account(waited=20, received=0)
        assert patience.seconds_for(0) == 0

    def test_patience_with_rate_is_restored_by_bytes_to_its_start(self):
        patience = Patience(60, 500)
        patience.account(waited=50, received=0)
        assert (patience.has_rate, patience.seconds_for(0), patience.seconds_for(1000)) == (True, 10, 12)
        patience.account(waited=5, received=5000)
        assert patience.seconds_for(0) == 15
        patience.account(waited=0, received=10**9)
        assert patience.seconds_for(0) == 60

    def test_patience_in_all_is_not_given_back(self):
        patience = Patience(60, 500, in_all=100)
        patience.account(waited=50, received=10**9)
        assert (patience.seconds_for(0), patience.seconds_for(1000)) == (50, 50)
        patience.account(waited=60, received=10**9)
        assert patience.seconds_for(1000) == 0


class TestReading:
    @pytest.mark.parametrize("content_type", ["application/json", FORM])
    def test_body_that_has_come_is_read_whole(self, arrives, content_type):
        content = bytes(range(256)) * 100
        request = arrives(content, content_type=content_type)
        assert body_guard(request) is body_guard(request)
        assert (request.read(5), request.read(20_000), request.read()) == (
            content[:5],
            content[5:20_005],
            content[20_005:],
        )

    def test_body_that_django_keeps_is_whole(self, arrives):
        request = arrives(b"x" * 50_000, content_type=FORM)
        body_guard(request)
        assert request.body == b"x" * 50_000

    @pytest.mark.parametrize("content_type", ["application/json", FORM])
    def test_body_in_lines(self, arrives, content_type):
        request = arrives(b"one\ntwo", content_type=content_type)
        body_guard(request)
        assert list(request) == [b"one\n", b"two"]

    @pytest.mark.parametrize("content_type", ["application/json", FORM])
    def test_body_that_does_not_come_ends_and_is_not_asked_again(self, arrives, settings, content_type):
        settings.S3_FILE_UPLOADER_BODY_TIMEOUT_SECONDS = settings.S3_FILE_UPLOADER_CLIENT_TIMEOUT_SECONDS = 0.1
        request = arrives(b"begun", length=20, content_type=content_type)
        guard = body_guard(request)
        for _ in range(2):
            with pytest.raises(UnreadablePostError, match="too slowly"):
                request.read()
        assert guard.is_too_slow
        answered(request)
        assert not is_open(arrives)

    @pytest.mark.parametrize(("content_type", "length"), [(FORM, 5_000), ("application/json", 10_000_000)])
    def test_large_body_without_expected_file_ends_despite_good_rate(self, arrives, settings, content_type, length):
        settings.S3_FILE_UPLOADER_FORM_TIMEOUT_SECONDS = 0.1
        settings.S3_FILE_UPLOADER_CLIENT_BYTES_PER_SECOND = 1
        request = arrives(b"x" * 1_000, length=length, content_type=content_type)
        body_guard(request)
        with pytest.raises(UnreadablePostError, match="too slowly"):
            request.read()

    @pytest.mark.parametrize("chunked", [True, False])
    def test_file_that_does_not_come_is_too_slow(self, arrives, settings, chunked):
        settings.S3_FILE_UPLOADER_CLIENT_TIMEOUT_SECONDS = 0.1
        settings.S3_FILE_UPLOADER_CLIENT_BYTES_PER_SECOND = 10**6
        body = RequestBody(arrives(b"" if chunked else b"begun", length=20, chunked=chunked))
        with pytest.raises(RequestTooSlow, match="too slowly"):
            body.read(99)

    def test_file_with_silence_after_quick_reads_is_too_slow_in_time(self, arrives, settings):
        """The next read is large by then, and its bytes alone would give the client more than a minute."""
        settings.S3_FILE_UPLOADER_CLIENT_TIMEOUT_SECONDS = 0.2
        body = RequestBody(arrives(bytes(100_000), length=10**6))
        began = monotonic()
        with pytest.raises(RequestTooSlow, match="too slowly"):
            while True:
                body.read(10**6)
        assert monotonic() - began < SOON_SECONDS
        assert arrives.server.gettimeout() == SOON_SECONDS

    def test_file_whose_client_may_be_silent_for_ever_is_read(self, arrives, settings):
        settings.S3_FILE_UPLOADER_CLIENT_TIMEOUT_SECONDS = inf
        assert RequestBody(arrives(b"content")).read(99) == b"content"

    def test_file_with_quick_bytes_before_a_trickle_is_too_slow_in_time(self, arrives, settings):
        """Bytes that came quickly must not give the client the time that a large read would take at the least rate."""
        settings.S3_FILE_UPLOADER_CLIENT_TIMEOUT_SECONDS = 0.5
        settings.S3_FILE_UPLOADER_CLIENT_BYTES_PER_SECOND = 50_000
        body, over = RequestBody(arrives(length=10**9)), Event()

        def send():
            arrives.client.sendall(bytes(10**6))
            while not over.wait(0.05):
                arrives.client.sendall(b"x")

        began = monotonic()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(send)
            with pytest.raises(RequestTooSlow, match="too slowly"):
                while True:
                    body.read(10**6)
            over.set()
        assert body.received > 10**6 - STEP_BYTES
        assert monotonic() - began < 5

    def test_file_that_has_come_is_read_at_once(self, arrives):
        body = RequestBody(arrives(bytes(100_000), length=10**6))
        assert body.read(10**6) == bytes(100_000)

    def test_file_in_chunks_is_read_in_steps(self, arrives):
        body = RequestBody(arrives(b"%x\r\n%b\r\n0\r\n\r\n" % (20_000, b"x" * 20_000), chunked=True))
        assert len(body.read(10**6)) == STEP_BYTES
        assert len(b"".join(iter(partial(body.read, 10**6), b""))) == 20_000 - STEP_BYTES

    def test_file_whose_client_goes_is_unreadable(self, arrives, settings):
        request = arrives(length=20)
        request.META["wsgi.input"] = SimpleNamespace(read=broken)
        request.META |= {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
        with pytest.raises(UnreadablePostError, match="gone"):
            RequestBody(request).read(1)

    def test_http2_is_left_to_the_server(self, arrives):
        request = arrives(b"content", SERVER_PROTOCOL="HTTP/2")
        assert body_guard(request) is None
        answered(request)
        assert request.body == b"content"
        assert is_open(arrives)


def broken(*_):
    raise ConnectionResetError("gone")


class TestEnd:
    @pytest.mark.parametrize("size", [0, 100_000])
    def test_rest_of_a_body_is_read(self, arrives, size):
        later = Timer(0.1, arrives.client.sendall, [b"x" * size])
        later.start()
        request = arrives(length=size)
        answered(request)
        later.join()
        assert request.META["wsgi.input"].read() == b""
        assert is_open(arrives)

    def test_body_beyond_the_limit_ends_the_connection(self, arrives):
        later = Timer(0.1, arrives.client.sendall, [b"x" * DRAINED_BYTES])
        later.start()
        answered(arrives(length=DRAINED_BYTES + 1))
        later.join()
        assert not is_open(arrives)

    @pytest.mark.parametrize(
        ("environ", "stays"),
        [
            ({}, True),
            ({"HTTP_CONNECTION": "Close"}, False),
            ({"SERVER_PROTOCOL": "HTTP/1.0"}, False),
            ({"SERVER_PROTOCOL": "HTTP/1.0", "HTTP_CONNECTION": "keep-alive"}, True),
        ],
    )
    def test_connection_ends_as_its_request_asks(self, arrives, environ, stays):
        answered(arrives(b"x", **environ))
        assert is_open(arrives) == stays

    @pytest.mark.parametrize("chunks", [b"zz\r\n", b"5\r\nx"])
    def test_chunks_that_are_none_end_the_connection(self, arrives, chunks):
        request = arrives(chunks, chunked=True)
        arrives.client.shutdown(socket.SHUT_WR)
        answered(request)
        assert not is_open(arrives)

    def test_error_of_the_server_itself_is_raised(self, arrives):
        request = arrives()
        request.META["wsgi.input"] = SimpleNamespace(read=lambda _: {}["missing"])
        with pytest.raises(KeyError):
            answered(request)


class TestMiddleware:
    def test_request_is_guarded_and_its_body_cleared_away(self, arrives):
        request = arrives(b"x" * 1000)
        GuardMiddleware(lambda request: Response(status=404))(request).close()
        assert request.META["wsgi.input"].read() == b""

    def test_view_that_fails_for_a_slow_body_is_408(self, arrives, settings):
        settings.S3_FILE_UPLOADER_BODY_TIMEOUT_SECONDS = 0.05
        request = arrives(length=5)
        middleware = GuardMiddleware(lambda request: Response())
        middleware(request)
        assert middleware.process_exception(request, ValueError()) is None
        with pytest.raises(UnreadablePostError) as raised:
            request.read()
        assert middleware.process_exception(request, raised.value).status_code == 408

    async def _answer(self, request):
        return HttpResponse(status=202)

    def test_asynchronous_request_is_left_alone(self, rf):
        middleware = GuardMiddleware(self._answer)
        assert iscoroutinefunction(middleware)
        assert async_to_sync(middleware)(rf.get("/")).status_code == 202

    def test_other_servers_are_left_alone(self, rf):
        request = rf.put("/", b"content")
        middleware = GuardMiddleware(lambda request: Response())
        middleware(request).close()
        assert middleware.process_exception(request, ValueError()) is None
        assert request.body == b"content"
