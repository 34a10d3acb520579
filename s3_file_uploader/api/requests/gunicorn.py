"""The connection of a request under gunicorn, from which its body can be read without copies.

gunicorn joins and cuts what it received before an application has it: each byte is copied three times on its way,
which is a fourth of what an upload costs. Its own account of what is left of the body is kept, so that it finds
the next request where it is. Under other servers, and for bodies in chunks, there is no such connection.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any, Self

# Not longer, so that whoever waits for a slow client can say meanwhile that it is still at work.
FILLED_WITHIN_SECONDS = 1.0


class Connection:
    """Where the rest of a body of known length arrives; errors are those of its socket."""

    def __init__(self, body: Any) -> None:
        """Take what gunicorn has received of the body beside the headers."""
        self._body, self._reader, self._unreader = body, body.reader, body.reader.unreader
        self._held = self._take_held()

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> Self | None:
        """Return that of a request, or None where nothing is known of it, or somebody has read from it.

        https://gunicorn.org/reference/ names none of this: what does not look as expected is left alone.
        """
        body = environ.get("wsgi.input")
        reader = getattr(body, "reader", None)
        is_known = (type(body).__name__, type(reader).__name__) == ("Body", "LengthReader")
        if not is_known or not environ.get("gunicorn.socket") or body is None or body.buf.tell():
            return None
        return cls(body)

    def receive_into(self, room: memoryview) -> int:
        """Receive until the room is full, or something comes after `FILLED_WITHIN_SECONDS`; 0 is the end.

        Where nothing of the body is left, it waits in vain: whoever calls has counted.
        """
        if self._held:
            taken = min(len(room), len(self._held))
            room[:taken], self._held = self._held[:taken], self._held[taken:]
            return taken
        with self._closed_on_error():
            return self._count(self._fill(room[: self._at_most(len(room))]))

    def receive(self, size: int) -> bytes:
        """Receive bytes of their own, as many as `receive_into` would."""
        if self._held:
            taken, self._held = self._held[:size], self._held[size:]
            return bytes(taken)
        with self._closed_on_error():
            data: bytes = self._unreader.sock.recv(at_most) if (at_most := self._at_most(size)) else b""
        self._count(len(data))
        return data

    def _fill(self, room: memoryview) -> int:
        """Ask again and again: the network gives some ten thousand bytes at a time, for which callers do too much."""
        receive_into, filled, ends_at = self._unreader.sock.recv_into, 0, monotonic() + FILLED_WITHIN_SECONDS
        while received := receive_into(room[filled:]):
            filled += received
            if filled == len(room) or monotonic() > ends_at:
                break
        return filled

    def _take_held(self) -> memoryview:
        held = self._unreader.take_buffered()
        body, following = held[: self._reader.length], held[self._reader.length :]
        self._unreader.unread(following)
        return memoryview(body)[: self._count(len(body))]

    def _at_most(self, size: int) -> int:
        return min(size, int(self._reader.length))

    def _count(self, received: int) -> int:
        self._reader.length -= received
        return received

    @contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            self._body.failed = True  # gunicorn serves no further request on a connection where this is set.
            raise


def is_parse_error(error: Exception) -> bool:
    """Tell whether gunicorn raised it while an application read a body: for chunks that are none (RFC 9112, 7.1)."""
    errors = sys.modules.get("gunicorn.http.errors")
    return errors is not None and isinstance(error, errors.ParseException)
