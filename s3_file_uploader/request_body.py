"""The body of a request, read as it arrives: of known length or in chunks, and never cut off unnoticed.

WSGI servers give a body that broke off as if it had ended (https://peps.python.org/pep-3333/), so what came is held
against what was announced. Under ASGI Django has the whole body before a view runs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.http import HttpRequest, QueryDict, UnreadablePostError
from django.utils.datastructures import MultiValueDict

from .conf import conf
from .exceptions import LengthRequired, SizeMismatch

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
        # Django reads no further than Content-Length, so it must not stand between us and a body in chunks.
        is_chunked_wsgi = self.length is None and "wsgi.input" in request.META
        self._source: Any = request.META["wsgi.input"] if is_chunked_wsgi else request
        self._connection = request.META.get("gunicorn.socket")

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, and none at the end.

        Raises:
            UnreadablePostError: the client is gone, or silent for too long.
            SizeMismatch: the body ended before it was whole.
        """
        try:
            with self._patience():
                data: bytes = self._source.read(size)
        except OSError as error:
            raise UnreadablePostError(*error.args) from error
        self.received += len(data)
        if data:
            self.tail = (self.tail + data[-TAIL_BYTES:])[-TAIL_BYTES:]
        elif self.length is not None and self.received < self.length:
            raise SizeMismatch(
                f"{self.length} bytes were announced and {self.received} arrived: send the whole file again."
            )
        return data

    @contextmanager
    def _patience(self) -> Iterator[None]:
        """Wait so long and no longer; gunicorn itself would wait for ever, with a thread for each."""
        if self._connection is None:
            yield
            return
        before = self._connection.gettimeout()
        self._connection.settimeout(conf.client_timeout_seconds)
        try:
            yield
        finally:
            self._connection.settimeout(before)


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
