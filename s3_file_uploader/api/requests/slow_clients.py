"""Give the reading of a request body a deadline, whatever the server reads it with.

A WSGI server waits for each piece of a body anew, so a client that sends a byte now and then can keep a thread for
ever. One thread in each process shuts down the receiving side of a connection at its deadline. The read that waits
there returns at once, as if the client had gone, and the answer can still be sent.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import inf
from threading import Condition, Thread
from time import monotonic


def shut_down(connection: socket.socket, how: int) -> None:
    """Shut down one side of a connection, or both; a connection that is gone already is fine.

    The method of `socket` itself leaves the encryption of an `SSLSocket` in place for the other side.
    """
    with suppress(OSError):
        socket.socket.shutdown(connection, how)


@dataclass(slots=True, eq=False)
class _Wait:
    """One read, and whether its deadline has passed."""

    connection: socket.socket
    ends_at: float
    is_over: bool = False


class Watchdog:
    """Ends the reads whose deadline has passed; its thread starts with the first of them."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._waits: set[_Wait] = set()
        self._wakes_at = inf
        self._thread: Thread | None = None

    @contextmanager
    def limit(self, connection: socket.socket, seconds: float) -> Iterator[None]:
        """Let the block read from a connection, for so many seconds at most.

        Raises:
            TimeoutError: on leaving the block, if the time was over before.
        """
        wait = _Wait(connection, monotonic() + seconds)
        self._add(wait)
        try:
            yield
        except OSError:
            if not wait.is_over:
                raise
        finally:
            with self._changed:
                self._waits.discard(wait)
        if wait.is_over:
            raise TimeoutError("The body of the request came too slowly.")

    def _add(self, wait: _Wait) -> None:
        with self._changed:
            self._waits.add(wait)
            if self._thread is None or not self._thread.is_alive():  # A forked process inherits no thread.
                self._thread = Thread(target=self._run, name="s3_file_uploader.slow_clients", daemon=True)
                self._thread.start()
            elif wait.ends_at < self._wakes_at:
                self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while True:
                self._wakes_at = self._end_those_over()
                self._changed.wait(None if self._wakes_at == inf else max(self._wakes_at - monotonic(), 0))

    def _end_those_over(self) -> float:
        """Return when the next deadline passes."""
        now = monotonic()
        for wait in [wait for wait in self._waits if wait.ends_at <= now]:
            self._waits.discard(wait)
            wait.is_over = True
            shut_down(wait.connection, socket.SHUT_RD)
        return min((wait.ends_at for wait in self._waits), default=inf)


WATCHDOG = Watchdog()


class Patience:
    """How much longer a client may keep the server waiting for its body.

    Without a rate, the seconds are the limit. With a rate, each byte that arrives gives time back, up to the initial
    seconds: a client may be silent for so long, and has to send at the rate on average. `in_all` limits the sum of all
    reads, and no byte extends it.

    A server returns nothing before the whole read has arrived, so a read gets the time that its bytes need at the least
    rate.
    """

    def __init__(self, seconds: float, bytes_per_second: float | None = None, in_all: float = inf) -> None:
        self.silence_seconds = self._left = seconds
        self._in_all = in_all
        self._rate = bytes_per_second

    @property
    def has_rate(self) -> bool:
        """Return True if bytes give time back."""
        return self._rate is not None

    def seconds_for(self, at_once: float) -> float:
        """Return how long a read may take that returns nothing before `at_once` bytes have come."""
        return min(self._in_all, self._left + (at_once / self._rate if self._rate else 0))

    def account(self, *, waited: float, received: int) -> None:
        """Subtract the seconds of a read, and add the time that its bytes give back."""
        gained = received / self._rate if self._rate else 0
        self._left = max(0, min(self.silence_seconds, self._left - waited + gained))
        self._in_all = max(0, self._in_all - waited)
