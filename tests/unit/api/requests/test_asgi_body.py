"""A body under ASGI that is read while it arrives, from a scripted server."""

import asyncio
from contextvars import ContextVar
from threading import Event, Timer

import pytest
from asgiref.sync import sync_to_async

from s3_file_uploader.api.requests.asgi_body import AHEAD_BYTES, ArrivingBody, BodyReader
from s3_file_uploader.exceptions import RequestTooSlow
from s3_file_uploader.values import mib

GONE = {"type": "http.disconnect"}


def piece(body, *, more=True):
    return {"type": "http.request", "body": body, "more_body": more}


class Server:
    """Give the messages in turn; then wait for ever, as a server whose client says nothing."""

    def __init__(self, *messages):
        self.messages, self.asked = list(messages), 0

    async def receive(self):
        self.asked += 1
        if not self.messages:
            await asyncio.Event().wait()
        return self.messages.pop(0)


def in_thread(server, read, *, then=None):
    """Return what `read` makes of the body in a thread, and what `then` returns in the event loop afterwards."""

    async def run():
        body = ArrivingBody(server.receive)
        try:
            outcome = await sync_to_async(read, thread_sensitive=False)(BodyReader(body))
            return outcome, await then(body) if then else None
        finally:
            body.stop()

    return asyncio.run(run())


def test_body_of_pieces_is_read_whole():
    server = Server(piece(b"one "), piece(b""), piece(b"two "), piece(b"three", more=False))
    assert in_thread(server, lambda stream: stream.read())[0] == b"one two three"


def test_server_sees_nothing_of_the_context_of_the_view():
    of_view, seen = ContextVar("of_view", default="nothing"), []

    class Looking(Server):
        async def receive(self):
            seen.append(of_view.get())
            return await super().receive()

    def read(stream):
        of_view.set("a thread that ends")
        return stream.read()

    assert in_thread(Looking(piece(b"content", more=False)), read)[0] == b"content"
    assert seen == ["nothing"]


def test_body_read_in_small_steps_keeps_its_order():
    content = bytes(range(256)) * 4
    server = Server(piece(content[:700]), piece(content[700:], more=False))
    read = lambda stream: list(iter(lambda: stream.raw.read(100), b""))  # noqa: E731
    pieces, _ = in_thread(server, read)
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) == 100


def test_unread_body_is_not_asked_for():
    server = Server(piece(b"content", more=False))
    in_thread(server, lambda stream: None)
    assert server.asked == 0


def test_server_is_asked_no_further_than_the_reader_needs():
    pieces = [piece(bytes(mib(1) // 4)) for _ in range(40)]
    server = Server(*pieces, piece(b"", more=False))
    counts = []

    def read(stream):
        stream.read(1)
        Event().wait(0.1)
        counts.append(server.asked)
        return len(stream.read())

    assert in_thread(server, read)[0] == 10 * mib(1) - 1
    # The reader has taken a buffer of bytes, which makes room for one more piece.
    assert counts[0] <= AHEAD_BYTES // (mib(1) // 4) + 2


def test_lost_client_is_an_error_after_the_last_piece():
    def read(stream):
        assert stream.read(5) == b"begun"
        with pytest.raises(ConnectionResetError):
            stream.read(1)

    in_thread(Server(piece(b"begun"), GONE), read)


def test_silent_client_is_too_slow(settings):
    settings.S3_FILE_UPLOADER_CLIENT_TIMEOUT_SECONDS = 0.1
    with pytest.raises(RequestTooSlow):
        in_thread(Server(piece(b"begun")), lambda stream: stream.read())


def test_client_below_the_rate_is_too_slow(settings):
    settings.S3_FILE_UPLOADER_CLIENT_TIMEOUT_SECONDS = 0.2
    settings.S3_FILE_UPLOADER_CLIENT_BYTES_PER_SECOND = 1000

    class Trickling(Server):
        async def receive(self):
            await asyncio.sleep(0.02)
            return await super().receive()

    with pytest.raises(RequestTooSlow):
        in_thread(Trickling(*[piece(b"x")] * 1000), lambda stream: stream.read())


def test_pieces_beyond_the_limit_wait_with_the_server():
    server = Server(*[piece(bytes(AHEAD_BYTES))] * 8, piece(b"", more=False))

    def read(stream):
        for _ in range(4):
            stream.raw.read(1000)
            Event().wait(0.02)
        return server.asked

    assert in_thread(server, read)[0] <= 2


def test_close_ends_a_read_that_waits():
    def read(stream):
        closing = Timer(0.1, stream.close)
        closing.start()
        with pytest.raises(ConnectionResetError):
            stream.read(1)
        closing.join()
        with pytest.raises(ConnectionResetError):
            stream.read(1)

    in_thread(Server(), read)


@pytest.mark.parametrize(
    ("messages", "expected"),
    [([piece(b"content", more=False), GONE], GONE), ([piece(b"content"), GONE], GONE)],
)
def test_disconnect_is_told_after_the_body(messages, expected):
    def read(stream):
        assert stream.read(7) == b"content"

    server = Server(*messages)
    assert in_thread(server, read, then=lambda body: body.receive_rest())[1] == expected


def test_body_cannot_be_waited_for_in_the_event_loop():
    async def run():
        with pytest.raises(RuntimeError, match="synchronous"):
            ArrivingBody(Server().receive).read(1)

    asyncio.run(run())
