"""Read the body of a request as it arrives: of known length or in chunks, and never cut off unnoticed.

A WSGI server ends a broken body as if it were whole (https://peps.python.org/pep-3333/), so the bytes that arrive are
compared with the announced length. Under ASGI Django has the whole body before a view runs, unless the project is
served by `s3_file_uploader.asgi`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, cast

from django.http import HttpRequest, QueryDict, UnreadablePostError
from django.utils.datastructures import MultiValueDict

from ...exceptions import LengthRequired, RequestTooSlow, SizeMismatch
from .body_guard import TOO_SLOW, BodyGuard, body_guard

TAIL_BYTES = 4096


def keep_unread(request: HttpRequest) -> None:
    """Keep Django from reading a form before the view does, for example in search of a CSRF token.

    With session authentication, clients send the token in the header `X-CSRFToken`.
    """
    if not was_read(request):
        unread: Any = request
        unread._post, unread._files = QueryDict(), MultiValueDict()


def was_read(request: Any) -> bool:
    """Return True if other code, such as a middleware of the host, has begun to read the body."""
    return bool(request._read_started)


class RequestBody:
    """A body to read once.

    Attributes:
        length: the announced number of bytes; None for a body in chunks.
        received: the number of bytes so far.
        tail: the last bytes so far.
    """

    def __init__(self, request: HttpRequest) -> None:
        """Find the stream to read from.

        Raises:
            LengthRequired: the request has no Content-Length, and no chunks that the server decodes.
        """
        self.length = _read_announced_length(request)
        self.received = 0
        self.tail = b""
        self._guard = body_guard(request)
        if self._guard:
            self._guard.expect_file()
        self._read = _find_reader(request, self.length, self._guard)
        cast(Any, request)._read_started = True

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, and none at the end.

        Raises:
            UnreadablePostError: the client is gone.
            RequestTooSlow: the client is silent for too long, or sends too slowly.
            SizeMismatch: the body ended before it was whole.
        """
        if self._guard:  # The server collects all of a read before it returns: a slow client must manage it in time.
            size = min(size, self._guard.step)
        with self._limit_read(size) as received:
            received.append(data := self._read(size))
        self.received += len(data)
        if not data and self.length is not None and self.received < self.length:
            raise SizeMismatch(
                f"{self.length} bytes were announced and {self.received} arrived: send the whole file again."
            )
        if data:
            self.tail = (self.tail + data[-TAIL_BYTES:])[-TAIL_BYTES:]
        return data

    @contextmanager
    def _limit_read(self, size: int) -> Iterator[list[bytes]]:
        """Give the block the deadline of the guard, if there is one."""
        try:
            with self._guard.limit_read(size) if self._guard else nullcontext(list[bytes]()) as received:
                yield received
        except OSError as error:
            if self._guard and self._guard.is_too_slow:
                raise RequestTooSlow(TOO_SLOW) from error
            raise UnreadablePostError(*error.args) from error


def _find_reader(request: HttpRequest, length: int | None, guard: BodyGuard | None) -> Callable[[int], bytes]:
    # Django reads no further than Content-Length, so a body in chunks is read from the server itself.
    if length is None and "wsgi.input" in request.META:
        return request.META["wsgi.input"].read  # type: ignore[no-any-return]
    return guard.unguarded.read if guard and not was_read(request) else request.read


def _read_announced_length(request: HttpRequest) -> int | None:
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
    version = getattr(request, "scope", {}).get("http_version", "")
    if "wsgi.input" in meta or version.startswith("1"):
        raise LengthRequired("Send Content-Length, so that a file that breaks off is not taken for a whole one.")
    return None  # HTTP/2 needs neither.
