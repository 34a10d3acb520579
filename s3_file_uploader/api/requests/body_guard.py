"""Guard the body of a request against slow clients, and clear it away after the response.

    read       under a deadline of the watchdog: one for a small body as a whole, a least rate for a large one
    response   the rest of the body is read, up to a limit; if more may come, the connection is shut down

The second step matters as much as the first. gunicorn (gthread) closes a connection in the loop that serves all other
connections of the worker. It waits there up to 2 seconds for the client to close, if the body was not read or the
client has sent `Connection: close`. It closes a connection at once that is shut down already.

The guard needs `gunicorn.socket`. Other servers read bodies before the app or end slow connections themselves. Under
ASGI, Django has the whole body before a view runs, or `asgi_body` limits the client.
"""

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from math import inf
from threading import TIMEOUT_MAX
from time import monotonic
from typing import Any, Protocol, cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ...conf import conf
from ...values import mib
from .slow_clients import WATCHDOG, Patience, shut_down

TOO_SLOW = "The body of the request came too slowly: send it again over a better connection."
GUARD = "s3_file_uploader.body_guard"
# Django reads no larger body at once, unless DATA_UPLOAD_MAX_MEMORY_SIZE allows it.
SMALL_BYTES = mib(5) // 2
# The server reads up to this much of a refused body, so that its client gets the answer and may keep the connection.
DRAINED_BYTES = 512 * 1024
# A client at the least rate needs 8 seconds for the smallest read.
STEP_BYTES = 4 * 1024
MAX_STEP_BYTES = 1024 * 1024
# An eighth of what chunks or TLS bring is content, even in chunks of one byte. A client that sends less, in extensions
# of chunks for example, holds the thread for a minute.
FRAMED_SHARE = 8
MAX_FRAMED_STEP_BYTES = 32 * 1024
DRAIN_SECONDS = 5.0


class _Stream(Protocol):
    """The stream from which Django reads a body."""

    def read(self, size: int = ..., /) -> bytes:
        """Return up to `size` bytes."""

    def readline(self, size: int = ..., /) -> bytes:
        """Return one line."""

    def close(self) -> None:
        """Close the stream."""


def body_guard(request: HttpRequest) -> "BodyGuard | None":
    """Return the guard of a request, created by the first call; None if the connection is not known."""
    meta = request.META
    if GUARD not in meta:
        connection = meta.get("gunicorn.socket")
        # All requests of an HTTP/2 connection share its socket, and gunicorn has time-outs of its own.
        is_known = connection is not None and not meta.get("SERVER_PROTOCOL", "").startswith("HTTP/2")
        meta[GUARD] = BodyGuard(cast(Any, request), cast(socket.socket, connection)) if is_known else None
    return cast("BodyGuard | None", meta[GUARD])


def close_cleanly(request: HttpRequest, response: HttpResponseBase) -> None:
    """Clear the body away when the server closes the response, after sending it."""
    if guard := body_guard(request):
        response.close = partial(guard.close_after, response.close)  # type: ignore[method-assign]


class BodyGuard:
    """Give the reads of one body their deadlines."""

    def __init__(self, request: Any, connection: socket.socket) -> None:
        """Replace the stream from which Django reads."""
        self._meta, self._connection = request.META, connection
        self._stream: _Stream = request._stream
        self._left = _read_announced(self._meta)
        is_form_data = str(self._meta.get("CONTENT_TYPE", "")).lower().startswith("multipart/")
        may_be_large = is_form_data or self._left > SMALL_BYTES
        in_all = conf.form_timeout_seconds
        self._patience = make_file_patience(in_all) if may_be_large else Patience(conf.body_timeout_seconds)
        self.is_too_slow = self._is_ended = False
        request._stream = self

    @property
    def unguarded(self) -> _Stream:
        """Return the stream itself, for callers that read it within `limit_read`."""
        return self._stream

    @property
    def step(self) -> int:
        """Return how many bytes the next read may ask for: as many as are there, or a few for which it may wait.

        A server returns nothing before the whole read has arrived. So a read that waits for many bytes would let a
        client hold the thread for as long as the least rate allows for all of them.
        """
        return max(STEP_BYTES, min(self._count_available(), MAX_STEP_BYTES))

    def _count_available(self) -> int:
        """Return how many bytes of content have arrived; of chunks and of TLS, whose framing is received too, a few."""
        from fcntl import ioctl  # noqa: PLC0415 - not on Windows, where gunicorn does not run either
        from termios import FIONREAD  # noqa: PLC0415

        received = int.from_bytes(ioctl(self._connection, FIONREAD, bytes(4)), sys.byteorder)
        is_framed = self._left == inf or type(self._connection) is not socket.socket
        return min(received // FRAMED_SHARE, MAX_FRAMED_STEP_BYTES) if is_framed else received

    def expect_file(self) -> None:
        """Apply the rules of files from now on."""
        self._patience = make_file_patience()

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes, or all; a large body in steps that a slow client can send in time."""
        if not self._patience.has_rate:
            return self._read(self._stream.read, size)
        data = bytearray()
        while size < 0 or len(data) < size:
            step = self.step
            piece = self._read(self._stream.read, step if size < 0 else min(size - len(data), step))
            if not piece:
                break
            data += piece
        return bytes(data)

    def readline(self, size: int = -1) -> bytes:
        """Read one line."""
        return self._read(self._stream.readline, size)

    def close(self) -> None:
        """Close the stream when Django has the body."""
        self._stream.close()

    def _read(self, read: Callable[[int], bytes], size: int) -> bytes:
        with self.limit_read(max(size, 0)) as received:
            received.append(data := read(size))
        return data

    @contextmanager
    def limit_read(self, at_once: int = 0) -> Iterator[list[bytes]]:
        """Give a read its deadline.

        Args:
            at_once: how many bytes must arrive before the read returns any.

        Yields:
            A list to which the block adds the bytes that it has read.

        Raises:
            TimeoutError: the client did not send in time, in this read or an earlier one.
        """
        if self.is_too_slow:
            raise TimeoutError(TOO_SLOW)
        began, received = monotonic(), list[bytes]()
        seconds = self._patience.seconds_for(min(at_once, self._left))
        timeout = self._connection.gettimeout()
        self._connection.settimeout(min(self._patience.silence_seconds, TIMEOUT_MAX))
        try:
            with WATCHDOG.limit(self._connection, seconds):
                yield received
        except TimeoutError as error:
            self.is_too_slow = True
            raise TimeoutError(TOO_SLOW) from error
        finally:
            self._connection.settimeout(timeout)
            count = sum(map(len, received))
            self._left = max(0, self._left - count)
            self._patience.account(waited=monotonic() - began, received=count)

    def close_after(self, close: Callable[[], None]) -> None:
        """Close a response, then clear the body away; further calls only close."""
        try:
            close()
        finally:
            if not self._is_ended:
                self._is_ended = True
                self._end()

    def _end(self) -> None:
        is_drained = not self.is_too_slow and self._drain()
        if not is_drained or _is_closing(self._meta):
            shut_down(self._connection, socket.SHUT_RDWR)

    def _drain(self) -> bool:
        """Read the rest; return True if it ended within the limits."""
        body, left = self._meta["wsgi.input"], DRAINED_BYTES
        broken: tuple[type[Exception], ...] = (OSError, *list_parse_errors())
        try:
            with WATCHDOG.limit(self._connection, DRAIN_SECONDS):
                while left > 0 and (data := body.read(min(left, STEP_BYTES))):
                    left -= len(data)
        except broken:
            return False
        return left > 0


def make_file_patience(in_all: float = inf) -> Patience:
    """Return the patience for a client that sends a file."""
    return Patience(conf.client_timeout_seconds, conf.client_bytes_per_second, in_all)


def _read_announced(meta: dict[str, Any]) -> float:
    """Return the number of bytes of the body; infinity for a body in chunks."""
    length = meta.get("CONTENT_LENGTH") or "0"
    return inf if meta.get("HTTP_TRANSFER_ENCODING") or not length.isdigit() else float(length)


def _is_closing(meta: dict[str, Any]) -> bool:
    """Return whether the connection ends with this request (RFC 9112, 9.3)."""
    options = meta.get("HTTP_CONNECTION", "").lower()
    return "close" in options or (meta.get("SERVER_PROTOCOL") == "HTTP/1.0" and "keep-alive" not in options)


def list_parse_errors() -> tuple[type[Exception], ...]:
    """Return what gunicorn raises if the chunks of a body are malformed (RFC 9112, 7.1); nothing on other servers."""
    errors = sys.modules.get("gunicorn.http.errors")
    return (errors.ParseException,) if errors else ()
