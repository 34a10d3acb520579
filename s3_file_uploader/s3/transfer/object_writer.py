"""The bytes of one file on their way to S3 while they arrive: a single PUT, or parts, a bounded number in memory.

    write, write ...  ──fills──>  buffer ──full, and more bytes come──>  part in flight   (one, or two)
                                     ^                                       │
                                     └───────────── its buffer ──────────────┘

A write blocks while every buffer is full or in flight, and so the sender of the bytes waits: memory does not grow with
the size of the file, nor with a slow store.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from math import ceil

from ...conf import conf
from ...content_types.sniff import SNIFFED_BYTES
from ...exceptions import ChecksumMismatch, FileTooLarge, SizeMismatch
from ...values import MAX_PART_BYTES, MAX_PARTS, USUAL_MAX_OBJECT_BYTES
from ..part_buffer import PartBuffer
from .part_uploader import Destination, PartsInFlight, send_object

# If the size is unknown, the part size doubles after this many parts. Ten doublings exceed USUAL_MAX_OBJECT_BYTES.
PARTS_OF_ONE_SIZE = MAX_PARTS // 11


@dataclass(frozen=True, slots=True)
class Sent:
    """The stored object: its size in bytes, its SHA-256 in lower-case hex, and the ETag if one PUT returned it."""

    size: int
    checksum_sha256: str
    etag: str | None


@contextmanager
def open_object_writer(
    *,
    destination: Destination,
    at_most: int | None,
    on_progress: Callable[[], None],
    on_head: Callable[[bytes], str] | None = None,
) -> "Iterator[ObjectWriter]":
    """Open an object to write; nothing can be read under its key until `finish` returns.

    A block that ends without `finish` aborts the multipart upload, unless S3 cannot be reached.

    Args:
        destination: bucket, key and metadata of the object.
        at_most: the largest number of bytes that can come, or None; the part size follows from it.
        on_progress: called with each write; an exception from it ends the upload.
        on_head: called once before the first call to S3, with the first `SNIFFED_BYTES`, or with all of a smaller file.
            It returns the MIME type of the object. An exception from it ends the upload.
    """
    with ExitStack() as undo:
        yield ObjectWriter(destination, at_most, on_progress, undo, on_head)


class ObjectWriter:
    """Takes the bytes of one object, in chunks of any size, from one thread."""

    def __init__(
        self,
        destination: Destination,
        at_most: int | None,
        on_progress: Callable[[], None],
        undo: ExitStack,
        on_head: Callable[[bytes], str] | None = None,
    ) -> None:
        """Begin with an empty object; the caller closes `undo`."""
        self.size = 0
        self._destination, self._at_most, self._on_progress, self._undo = destination, at_most, on_progress, undo
        self._on_head = on_head
        self._limit = USUAL_MAX_OBJECT_BYTES if at_most is None else conf.max_object_bytes
        self._digest = sha256()
        self._parts: PartsInFlight | None = None
        self._free: list[PartBuffer] = []
        self._buffer = self._get_buffer()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take some bytes; block while no buffer is free.

        Raises:
            FileTooLarge: the file exceeds the largest object of S3.
            S3FileUploaderError: S3 did not take a part.
        """
        self._on_progress()
        self.size += len(data)
        if self.size > self._limit:
            raise FileTooLarge(f"S3 keeps files up to {self._limit} bytes: split this one.")
        self._digest.update(data)
        rest = memoryview(data)
        while rest:
            if self._buffer.is_full:
                self._send_part()
            rest = self._buffer.fill(rest)
            self._show_head(SNIFFED_BYTES)

    def finish(self, *, size: int | None = None, checksum_sha256: str | None = None) -> Sent:
        """Send the remaining bytes and complete the object.

        Args:
            size: the announced number of bytes, or None.
            checksum_sha256: the announced SHA-256 of the bytes in lower-case hex, or None.

        Raises:
            SizeMismatch, ChecksumMismatch: the bytes differ from the announcement; S3 stores nothing.
            S3FileUploaderError: S3 did not store the object.
        """
        self._on_progress()
        self._require_announced(size, checksum_sha256)
        self._show_head(0)
        if self._parts is None:
            etag = send_object(self._destination, self._buffer)
        else:
            self._parts.add(self._buffer)
            self._on_progress()
            self._parts.complete()
            etag = None
            self._undo.pop_all()
        return Sent(self.size, self._digest.hexdigest(), etag)

    def _show_head(self, from_bytes: int) -> None:
        """Call `on_head` once enough bytes are there; a part is larger, so S3 has seen none by then."""
        if self._on_head is not None and len(self._buffer) >= from_bytes:
            content_type = self._on_head(self._buffer.head(SNIFFED_BYTES))
            self._destination, self._on_head = replace(self._destination, content_type=content_type), None

    def _send_part(self) -> None:
        if self._parts is None:
            self._parts = PartsInFlight(self._destination, self._undo)
        self._free += self._parts.add(self._buffer)
        self._buffer = self._get_buffer()

    def _get_buffer(self) -> PartBuffer:
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

    def _require_announced(self, size: int | None, checksum_sha256: str | None) -> None:
        if size is not None and self.size != size:
            raise SizeMismatch(f"{size} bytes were announced and {self.size} arrived: send the whole file again.")
        if checksum_sha256 and self._digest.hexdigest() != checksum_sha256:
            raise ChecksumMismatch("The SHA-256 of what arrived is not the one you gave: send the file again.")
