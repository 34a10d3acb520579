"""The body of a request, read as it arrives: of known length or in chunks, and never cut off unnoticed.

WSGI servers give a body that broke off as if it had ended (https://peps.python.org/pep-3333/), so what came is held
against what was announced. Under ASGI Django has the whole body before a view runs.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.http import HttpRequest, QueryDict, UnreadablePostError
from django.utils.datastructures import MultiValueDict

from ...exceptions import LengthRequired, RequestTooSlow, SizeMismatch
from .body_guard import READ_BYTES, TOO_SLOW, BodyGuard, body_guard
from .gunicorn import Connection

TAIL_BYTES = 4096


def leave_unread(request: HttpRequest) -> None:
    """Keep Django from reading a form before the view does: looking for a CSRF token in it is enough for that.

    Whoever logs in with a session sends the token as the header X-CSRFToken.
    """
    if not was_read(request):
        unread: Any = request
        unread._post, unread._files = QueryDict(), MultiValueDict()


def was_read(request: Any) -> bool:
    """Tell whether somebody, such as a middleware of the host, has begun to read the body."""
    return bool(request._read_started)


def _mark_read(request: Any) -> None:
    request._read_started = True


class RequestBody:
    """A body to read once; `length` is what was announced, None where it comes in chunks."""

    def __init__(self, request: HttpRequest) -> None:
        """Find out where to read.

        Raises:
            LengthRequired: neither Content-Length nor chunks that the server decodes.
        """
        self.length = _announced_length(request)
        self.received = 0
        self.tail = b""
        self._guard = body_guard(request)
        if self._guard:
            self._guard.expect_file()
        self._connection = None if was_read(request) else Connection.of(request.META)
        self._read_some, self._read_into = _ways_to_read(request, self.length, self._connection, self._guard)

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, and none at the end.

        Raises:
            UnreadablePostError: the client is gone.
            RequestTooSlow: the client is silent for too long, or sends too slowly.
            SizeMismatch: the body ended before it was whole.
        """
        size = self._at_once(size)
        with self._patience(size) as received:
            received.append(data := self._read_some(size))
        self._count(len(data))
        if data:
            self.tail = (self.tail + data[-TAIL_BYTES:])[-TAIL_BYTES:]
        return data

    def read_into(self, room: memoryview) -> int:
        """Read into a room that is not empty, return how many bytes; `tail` is not kept, errors are those of `read`."""
        room = room[: self._at_once(len(room))]
        with self._patience(len(room)) as received:
            received.append(count := self._read_into(room))
        self._count(count)
        return count

    def _at_once(self, size: int) -> int:
        """Ask for no more than a slow client can send in time, where the server collects it all before it returns."""
        return min(size, READ_BYTES) if self._guard and not self._connection else size

    def _count(self, received: int) -> None:
        self.received += received
        if not received and self.length is not None and self.received < self.length:
            raise SizeMismatch(
                f"{self.length} bytes were announced and {self.received} arrived: send the whole file again."
            )

    @contextmanager
    def _patience(self, size: int) -> Iterator[list[bytes | int]]:
        """Wait for the client, under the deadline of the guard where there is one."""
        at_once = 0 if self._connection else size
        reading = self._guard.reading(at_once) if self._guard else nullcontext(list[bytes | int]())
        try:
            with reading as received:
                yield received
        except OSError as error:
            if self._guard and self._guard.is_too_slow:
                raise RequestTooSlow(TOO_SLOW) from error
            raise UnreadablePostError(*error.args) from error


def _ways_to_read(
    request: HttpRequest, length: int | None, connection: Connection | None, guard: BodyGuard | None
) -> tuple[Callable[[int], bytes], Callable[[memoryview], int]]:
    """Return what gives some bytes of their own, and what puts them where they are wanted."""
    if connection:
        _mark_read(request)
        return connection.receive, connection.receive_into
    # Django reads no further than Content-Length, so it must not stand between us and a body in chunks.
    is_chunked_wsgi = length is None and "wsgi.input" in request.META
    stream = guard.unguarded if guard and not was_read(request) else request
    read: Callable[[int], bytes] = (request.META["wsgi.input"] if is_chunked_wsgi else stream).read

    def read_into(room: memoryview) -> int:
        data = read(len(room))
        room[: len(data)] = data
        return len(data)

    return read, read_into


def _announced_length(request: HttpRequest) -> int | None:
    """Return Content-Length, or None where the body ends by itself.

    https://www.rfc-editor.org/rfc/rfc9112.html#name-message-body-length
    """
    meta = request.META
    if "chunked" in meta.get("HTTP_TRANSFER_ENCODING", "").lower():
        if "wsgi.input" in meta and not meta.get("wsgi.input_terminated"):
            raise LengthRequired("This server cannot read a body in chunks: send Content-Length.")
        return None
    announced: str = meta.get("CONTENT_LENGTH") or ""
    if announced.isascii() and announced.isdigit():
        return int(announced)
    if "wsgi.input" in meta:
        raise LengthRequired("Send Content-Length, so that a file that breaks off is not taken for a whole one.")
    return None  # HTTP/2 needs neither.
