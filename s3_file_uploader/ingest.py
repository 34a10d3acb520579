"""The bytes of one file on their way to S3 while they arrive: a single PUT, or parts, a bounded number in memory.

    write, write ...  ──fills──>  buffer ──full and more comes──>  part on its way   (one, or two)
                                     ^                                  │
                                     └────────────its buffer────────────┘

A write waits while every buffer is full or on its way, and so the sender of the bytes waits: memory does not grow
with the file, nor with a slow store. A second part is on its way only for the first `UPLOADS_WITH_TWO_PARTS` uploads
at once: more of them keep the way to S3 busy anyway, and memory low.
"""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from math import ceil
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from .conf import conf
from .content_types import SNIFFED_BYTES
from .exceptions import (
    ChecksumMismatch,
    FileExists,
    FileNotFound,
    FileTooLarge,
    SizeMismatch,
    StorageProblem,
)
from .multipart import multipart_abort, multipart_complete
from .object_calls import multipart_create, object_head, object_put, part_put
from .part_buffer import PartBuffer
from .values import CHUNK_BYTES, MAX_OBJECT_BYTES, MAX_PART_BYTES, MAX_PARTS, StoredPart

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

UPLOADS_WITH_TWO_PARTS = 2
# Where the size is unknown, parts double each time this many were sent: ten doublings pass S3's largest object.
PARTS_OF_ONE_SIZE = MAX_PARTS // 11

_second_parts = BoundedSemaphore(UPLOADS_WITH_TWO_PARTS)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the bytes go, and what S3 keeps beside them."""

    bucket: str
    key: str
    content_type: str
    metadata: Mapping[str, str]
    may_replace: bool

    @property
    def address(self) -> dict[str, Any]:
        """Bucket and key alone."""
        return {"bucket": self.bucket, "key": self.key}

    @property
    def kept(self) -> dict[str, Any]:
        """What S3 keeps, and under which address."""
        return {**self.address, "content_type": self.content_type, "metadata": self.metadata}

    @property
    def only_if_absent(self) -> bool:
        """The second lock, where the store honours it: AWS does, others ignore or refuse it."""
        return not self.may_replace and not conf.endpoint_url


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent: bytes and lower-case hex; the ETag where one PUT was answered with it, else None."""

    size: int
    checksum_sha256: str
    etag: str | None


@contextmanager
def object_writer(
    *,
    destination: Destination,
    at_most: int | None,
    on_progress: Callable[[], None],
    on_head: Callable[[bytes], str] | None = None,
) -> "Iterator[ObjectWriter]":
    """Open an object to write; until `finish` returns, nothing can be read under its key.

    A block that ends without `finish` leaves no parts behind, unless S3 itself is gone.

    Args:
        destination: where to.
        at_most: bytes that can come at most, if anybody knows; they make parts as large as they must be.
        on_progress: called with each write; what it raises ends the upload.
        on_head: called once, with the first `SNIFFED_BYTES` or all of a smaller file, before S3 is told anything;
            returns the MIME type to store it under. What it raises ends the upload.
    """
    with ExitStack() as undo:
        yield ObjectWriter(destination, at_most, on_progress, undo, on_head)


class ObjectWriter:
    """Takes the bytes of one object, in pieces of any size; used by one thread."""

    def __init__(
        self,
        destination: Destination,
        at_most: int | None,
        on_progress: Callable[[], None],
        undo: ExitStack,
        on_head: Callable[[bytes], str] | None = None,
    ) -> None:
        """Begin with nothing; `undo` is left by whoever opened the writer."""
        self.size = 0
        self._destination, self._at_most, self._on_progress, self._undo = destination, at_most, on_progress, undo
        self._on_head = on_head
        self._digest = sha256()
        self._parts: _Parts | None = None
        self._free: list[PartBuffer] = []
        self._buffer = self._buffer_take()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take some bytes; waits while no buffer is free.

        Raises:
            FileTooLarge: more than S3 keeps.
            S3FileUploaderError: as S3 answered a part.
        """
        rest = memoryview(data)
        self._take(rest)
        while rest:
            rest = self._buffer_with_room().fill(rest)
            self._head_show(SNIFFED_BYTES)

    def take(self, body: PartBuffer) -> None:
        """Take a whole file, of which nothing was written before, in the room from which it is sent.

        Raises:
            FileTooLarge: more than S3 keeps.
        """
        self._take(body.read())
        body.seek(0)
        self._buffer = body
        self._head_show(SNIFFED_BYTES)

    def receive(self, read_into: Callable[[memoryview], int], size: int) -> None:
        """Take so many bytes that are not read yet: they come straight to where they are sent from.

        Args:
            read_into: writes into the memory that it is given, returns how much; raises where nothing more comes.
            size: of all that has to come.

        Raises:
            FileTooLarge, S3FileUploaderError: as `write`.
        """
        while size:
            buffer = self._buffer_with_room()
            received = read_into(buffer.room()[: min(size, CHUNK_BYTES)])
            self._take(buffer.wrote(received))
            self._head_show(SNIFFED_BYTES)
            size -= received

    def _take(self, data: memoryview) -> None:
        self._on_progress()
        self.size += len(data)
        if self.size > MAX_OBJECT_BYTES:
            raise FileTooLarge(f"S3 keeps files up to {MAX_OBJECT_BYTES} bytes: split this one.")
        self._digest.update(data)

    def _buffer_with_room(self) -> PartBuffer:
        if self._buffer.is_full:
            self._part_send()
        return self._buffer

    def finish(self, *, size: int | None = None, checksum_sha256: str | None = None) -> Sent:
        """Send what is left and make the object of it.

        Args:
            size: the number of bytes that had to come, if it was announced.
            checksum_sha256: what they must add up to, in lower-case hex, or None.

        Raises:
            SizeMismatch, ChecksumMismatch: found before S3 was told to keep anything.
            S3FileUploaderError: as S3 answered.
        """
        self._on_progress()
        self._check(size, checksum_sha256)
        self._head_show(0)
        if self._parts is None:
            etag = _object_put(self._destination, self._buffer)
        else:
            self._parts.add(self._buffer)
            self._on_progress()
            self._parts.complete()
            etag = None
            self._undo.pop_all()
        return Sent(self.size, self._digest.hexdigest(), etag)

    def _head_show(self, from_bytes: int) -> None:
        """Show the first bytes, once there are enough of them; a part, which S3 hears of, is longer."""
        if self._on_head is not None and len(self._buffer) >= from_bytes:
            content_type = self._on_head(self._buffer.head(SNIFFED_BYTES))
            self._destination, self._on_head = replace(self._destination, content_type=content_type), None

    def _part_send(self) -> None:
        if self._parts is None:
            self._parts = _Parts(self._destination, self._undo)
        self._free += self._parts.add(self._buffer)
        self._buffer = self._buffer_take()

    def _buffer_take(self) -> PartBuffer:
        size = self._part_size()
        while self._free:
            buffer = self._free.pop()
            if buffer.capacity == size:
                buffer.empty()
                return buffer
        return PartBuffer(size)

    def _part_size(self) -> int:
        if self._at_most is None:
            doublings = self._parts.count // PARTS_OF_ONE_SIZE if self._parts else 0
            return min(conf.part_size_bytes << doublings, MAX_PART_BYTES)
        return max(conf.part_size_bytes, ceil(self._at_most / MAX_PARTS))

    def _check(self, size: int | None, checksum_sha256: str | None) -> None:
        if size is not None and self.size != size:
            raise SizeMismatch(f"{size} bytes were announced and {self.size} arrived: send the whole file again.")
        if checksum_sha256 and self._digest.hexdigest() != checksum_sha256:
            raise ChecksumMismatch("The SHA-256 of what arrived is not the one you gave: send the file again.")


class _Parts:
    """The parts of one multipart upload, some still on their way."""

    def __init__(self, destination: Destination, undo: ExitStack) -> None:
        """Begin it, and register its end on the way out of an error."""
        upload_id = multipart_create(**destination.kept)
        self.count = 0
        self._destination = destination
        self._upload = {**destination.address, "upload_id": upload_id}
        undo.callback(_abort_if_possible, destination, upload_id)
        # Entered after, so left before: S3 may keep a part that is still on its way when the abort comes.
        self._resources = undo.enter_context(ExitStack())
        self._at_once = 1
        if _second_parts.acquire(blocking=False):
            self._at_once = 2
            self._resources.callback(_second_parts.release)
        self._workers = ThreadPoolExecutor(self._at_once, thread_name_prefix="s3-part")
        self._resources.callback(self._workers.shutdown)
        self._on_the_way: list[tuple[PartBuffer, Future[StoredPart]]] = []
        self._done: list[StoredPart] = []

    def add(self, body: PartBuffer) -> list[PartBuffer]:
        """Send a part; waits while as many as may be are on the way.

        Returns:
            The buffers of those that have arrived, free to be filled again.
        """
        free = self._arrived(self._at_once - 1)
        self.count += 1
        self._on_the_way.append((body, self._workers.submit(self._send, self.count, body)))
        return free

    def complete(self) -> None:
        """Wait for the rest and make the object of them."""
        self._arrived(0)
        self._resources.close()
        with _own_object_is_no_conflict(self._destination):
            multipart_complete(**self._upload, parts=self._done, only_if_absent=self._destination.only_if_absent)

    def _arrived(self, still_on_the_way: int) -> list[PartBuffer]:
        """Wait until no more are on the way; take those too that have arrived by then: a slow sender needs them not."""
        free = []
        while len(self._on_the_way) > still_on_the_way or (self._on_the_way and self._on_the_way[0][1].done()):
            body, part = self._on_the_way.pop(0)
            self._done.append(part.result())
            free.append(body)
        return free

    def _send(self, number: int, body: PartBuffer) -> StoredPart:
        return StoredPart(number, len(body), part_put(**self._upload, part_number=number, body=body))


def _object_put(destination: Destination, body: PartBuffer) -> str | None:
    with _own_object_is_no_conflict(destination):
        return object_put(**destination.kept, body=body, only_if_absent=destination.only_if_absent) or None
    return None


def _abort_if_possible(destination: Destination, upload_id: str) -> None:
    """Abort on the way out of an error, which must not be hidden by a second one: debris is found later."""
    try:
        multipart_abort(bucket=destination.bucket, key=destination.key, upload_id=upload_id)
    except StorageProblem:
        logger.warning("The parts of upload %s to %s are left to housekeeping.", upload_id, destination.bucket)


@contextmanager
def _own_object_is_no_conflict(destination: Destination) -> "Iterator[None]":
    """Let pass what S3 refuses because it has done it: boto3 repeats a call whose answer was lost.

    A repeated PUT then meets its own object, a repeated completion an upload that is there no more.
    """
    try:
        yield
    except (FileExists, FileNotFound):
        if not _own_object_is_there(destination):
            raise


def _own_object_is_there(destination: Destination) -> bool:
    try:
        found = object_head(**destination.address)
    except FileNotFound:
        return False
    return found.metadata == destination.metadata
