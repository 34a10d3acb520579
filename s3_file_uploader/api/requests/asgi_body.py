"""Read a body under ASGI while it arrives.

The view runs in a thread, and the server gives the body to the event loop:

    server ── receive() ── _pump, in the event loop ── pieces, about AHEAD_BYTES ── readinto(), in the thread

While the pieces wait, the pump asks for no more, so the server stops reading from the client. The first read starts the
pump: a request that is refused before leaves the body with the server.
"""

import asyncio
import io
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from threading import Condition
from time import monotonic
from typing import Any

from ...exceptions import RequestTooSlow
from ...values import mib
from .body_guard import TOO_SLOW, make_file_patience

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]

# A reader that took each piece of a server alone would wake the event loop for each.
AHEAD_BYTES = mib(1)
GONE = "The client is gone."
IN_THE_LOOP = (
    "The body of an upload was read in the event loop, which cannot wait for it. Make the middleware that reads it "
    "synchronous, or let it leave out the uploads of s3_file_uploader."
)


class ArrivingBody(io.RawIOBase):
    """The body of one request. The client has to send it in time, as under gunicorn."""

    def __init__(self, receive: Receive) -> None:
        """Keep the `receive` of the server; call this in the event loop."""
        self._receive, self._loop = receive, asyncio.get_running_loop()
        # A server keeps the context of `receive` for the next requests of the connection. The context of the view names
        # its thread as the one for synchronous code, and that thread is gone by then.
        self._context = copy_context()
        self._changed = Condition()
        self._pieces: deque[memoryview] = deque()
        self._held = 0
        self._is_ended = self._is_gone = self._is_begun = False
        self._has_room, self._is_over = asyncio.Event(), asyncio.Event()
        self._pumping: asyncio.Task[None] | None = None
        self._patience = make_file_patience()

    # --- in the event loop ---

    async def receive_rest(self) -> Message:
        """Return the message that follows the body; Django waits for it to learn that the client is gone."""
        await self._is_over.wait()
        return {"type": "http.disconnect"} if self._is_gone else await self._receive()

    def stop(self) -> None:
        """Read no more from the server, and end a read that waits."""
        if self._pumping is not None:
            self._pumping.cancel()
        with self._changed:
            self._is_gone = True
            self._changed.notify()

    def _start(self) -> None:
        self._pumping = self._loop.create_task(self._pump())

    async def _pump(self) -> None:
        while not (self._is_ended or self._is_gone):
            while self._held >= AHEAD_BYTES:
                self._has_room.clear()
                await self._has_room.wait()
            self._take(await self._receive())
        self._is_over.set()

    def _take(self, message: Message) -> None:
        with self._changed:
            self._is_gone = message["type"] == "http.disconnect"
            self._is_ended = not self._is_gone and not message.get("more_body", False)
            if piece := message.get("body", b""):
                self._pieces.append(memoryview(piece))
                self._held += len(piece)
            self._changed.notify()

    # --- in the thread of the view ---

    def readable(self) -> bool:
        """Return True, because this is a stream to read from."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Wait for at least one byte, and fill the buffer with the bytes that have arrived; return 0 at the end.

        Raises:
            ConnectionResetError: the client is gone.
            RequestTooSlow: the client is silent for too long, or sends too slowly.
        """
        if not self._is_begun:
            self._begin()
        with self._changed:
            self._wait()
            count = self._fill(memoryview(buffer).cast("B"))
        self._patience.account(waited=0, received=count)
        self._loop.call_soon_threadsafe(self._has_room.set)
        return count

    def _begin(self) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # No loop runs in this thread, so it may wait.
            self._is_begun = True
            self._loop.call_soon_threadsafe(self._start, context=self._context)
        else:
            raise RuntimeError(IN_THE_LOOP)

    def _wait(self) -> None:
        began = monotonic()
        arrived = self._changed.wait_for(
            lambda: self._pieces or self._is_ended or self._is_gone, self._patience.seconds_for(0)
        )
        self._patience.account(waited=monotonic() - began, received=0)
        if not arrived:
            raise RequestTooSlow(TOO_SLOW)
        if self._is_gone and not self._pieces:
            raise ConnectionResetError(GONE)

    def _fill(self, buffer: memoryview) -> int:
        count = 0
        while self._pieces and count < len(buffer):
            piece = self._pieces.popleft()
            taken = min(len(piece), len(buffer) - count)
            buffer[count : count + taken] = piece[:taken]
            if taken < len(piece):
                self._pieces.appendleft(piece[taken:])
            count += taken
        self._held -= count
        return count


class BodyReader(io.BufferedReader):
    """The stream from which Django reads an `ArrivingBody`."""

    raw: ArrivingBody

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes, or all.

        Raises:
            ConnectionResetError: the client is gone, so Django has closed the stream.
            RequestTooSlow: the client is silent for too long, or sends too slowly.
        """
        if self.closed:
            raise ConnectionResetError(GONE)
        return super().read(size)

    def close(self) -> None:
        """End a read that waits in another thread, which would make this call wait, then close."""
        self.raw.stop()
        super().close()
