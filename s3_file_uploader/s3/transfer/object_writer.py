"""The bytes of one file on their way to S3 while they arrive: a single PUT, or parts, a bounded number in memory.

    write, write ...  ──fills──>  buffer ──full and more comes──>  part on its way   (one, or two)
                                     ^                                  │
                                     └────────────its buffer────────────┘

A write waits while every buffer is full or on its way, and so the sender of the bytes waits: memory does not grow
with the file, nor with a slow store.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from math import ceil

from ...conf import conf
from ...content_types.sniff import SNIFFED_BYTES
from ...exceptions import ChecksumMismatch, FileTooLarge, SizeMismatch
from ...values import CHUNK_BYTES, MAX_OBJECT_BYTES, MAX_PART_BYTES, MAX_PARTS
from ..part_buffer import PartBuffer
from .part_uploader import Destination, PartsOnTheWay, object_send

# Where the size is unknown, parts double each time this many were sent: ten doublings pass S3's largest object.
PARTS_OF_ONE_SIZE = MAX_PARTS // 11


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
        self._parts: PartsOnTheWay | None = None
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
            etag = object_send(self._destination, self._buffer)
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
            self._parts = PartsOnTheWay(self._destination, self._undo)
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
