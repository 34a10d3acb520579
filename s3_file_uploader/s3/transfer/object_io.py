"""One object as a file of Python that is read and sought: in ranges that S3 streams, in bounded memory."""

from collections.abc import Generator
from contextlib import ExitStack
from io import SEEK_CUR, SEEK_END, SEEK_SET, RawIOBase
from typing import Any

from ...values import mib
from .object_reader import read_object

# Programs that look here and there, such as those that read archives, fetch no more than this at each place. Each
# following range doubles, so a file of 1 GiB that is read to its end takes eleven requests.
FIRST_RANGE_BYTES = mib(1)


class ObjectIO(RawIOBase):
    """The bytes of an object from S3; only the chunk at the position is in memory.

    The first read sends the first request. A position within the present chunk costs no request.
    """

    def __init__(self, *, bucket: str, key: str, etag: str, size: int) -> None:
        """Open the object for reading, with the ETag and the size of its record; no request is sent."""
        self._object: dict[str, Any] = {"bucket": bucket, "key": key, "etag": etag}
        self._size, self._position = size, 0
        self._chunk, self._chunk_at = memoryview(b""), 0
        self._stream: Generator[bytes] | None = None
        self._range_bytes, self._range_end = FIRST_RANGE_BYTES, 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position of the next byte."""
        return self._position

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        """Move the position, also beyond the end; S3 is asked when bytes are read.

        Raises:
            ValueError: the position would be before the first byte.
        """
        position = offset + {SEEK_SET: 0, SEEK_CUR: self._position, SEEK_END: self._size}[whence]
        if position < 0:
            raise ValueError(f"negative seek position {position}")
        self._position = position
        return position

    def readinto(self, buffer: Any, /) -> int:
        """Copy the next bytes; 0 is the end.

        Raises:
            StorageError: another program changed the object.
            FileNotFound, StorageProblem: S3 failed.
        """
        target = memoryview(buffer).cast("B")
        rest = self._find_bytes()[: len(target)]
        target[: len(rest)] = rest
        self._position += len(rest)
        return len(rest)

    def readall(self) -> bytes:
        """Return all bytes from the position on."""
        pieces = []
        while rest := self._find_bytes():
            pieces.append(bytes(rest))
            self._position += len(rest)
        return b"".join(pieces)

    def close(self) -> None:
        """End the call to S3."""
        self._end_stream()
        self._chunk = memoryview(b"")
        super().close()

    def _find_bytes(self) -> memoryview:
        """Return the bytes of the chunk from the position on; empty at the end of the object."""
        if self.closed:
            raise ValueError("I/O operation on closed file.")
        if self._position >= self._size:
            return memoryview(b"")
        if not 0 <= self._position - self._chunk_at < len(self._chunk):
            self._load_chunk()
        return self._chunk[self._position - self._chunk_at :]

    def _load_chunk(self) -> None:
        following = self._chunk_at + len(self._chunk)
        if self._position != following or self._stream is None or following == self._range_end:
            stream = self._open_range()
        else:
            stream = self._stream
        with ExitStack() as undo:
            undo.callback(self._end_stream)  # After an error, the next read asks S3 again.
            self._chunk, self._chunk_at = memoryview(next(stream)), self._position
            undo.pop_all()

    def _open_range(self) -> Generator[bytes]:
        self._end_stream()
        is_next = self._position == self._range_end > 0
        self._range_bytes = self._range_bytes * 2 if is_next else FIRST_RANGE_BYTES
        self._range_end = min(self._position + self._range_bytes, self._size)
        self._stream = read_object(**self._object, start=self._position, stop=self._range_end)
        return self._stream

    def _end_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
