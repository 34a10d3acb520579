"""Room for one part on its way to S3: memory that is there once it is written to, and gone when nobody needs it.

So a slow sender holds no more than it has sent, and no later request finds what this one left in the heap.
"""

from io import SEEK_CUR, SEEK_END, SEEK_SET
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap

# A piece has to be gone within the time that boto3 has to connect; smaller ones, for which it asks, cost more.
PIECE_BYTES = 64 * 1024


class PartBuffer:
    """Takes bytes until it is full; what was written is a body for boto3, to read once or again."""

    def __init__(self, capacity: int) -> None:
        """Make room for so many bytes."""
        self.capacity, self._filled, self._position = capacity, 0, 0
        self._memory = memoryview(mmap(-1, capacity, flags=MAP_PRIVATE | MAP_ANONYMOUS))

    @property
    def is_full(self) -> bool:
        """Whether it takes no more."""
        return self._filled == self.capacity

    def room(self) -> memoryview:
        """Return where the next bytes may be written; `wrote` says how many were."""
        return self._memory[self._filled :]

    def wrote(self, size: int) -> memoryview:
        """Take as many bytes of the room as written, and return them."""
        written = self._memory[self._filled : self._filled + size]
        self._filled += size
        return written

    def fill(self, data: memoryview) -> memoryview:
        """Take what there is room for, and return the rest."""
        room = self.room()[: len(data)]
        room[:] = data[: len(room)]
        self.wrote(len(room))
        return data[len(room) :]

    def write(self, data: bytes) -> None:
        """Take all of it.

        Raises:
            BufferError: there is no room for all of it.
        """
        if self.fill(memoryview(data)):
            raise BufferError(f"More than {self.capacity} bytes came.")

    def head(self, size: int) -> bytes:
        """Return a copy of the first bytes that were written, up to `size`."""
        return bytes(self._memory[: min(size, self._filled)])

    def empty(self) -> None:
        """Make room again."""
        self._filled = self._position = 0

    def __len__(self) -> int:
        """Return how many bytes were written."""
        return self._filled

    def read(self, size: int = -1) -> memoryview:
        """Return what follows, without a copy: never less than `PIECE_BYTES`, if there are as many."""
        rest = self._memory[self._position : self._filled]
        piece = rest if size < 0 else rest[: max(size, PIECE_BYTES)]
        self._position += len(piece)
        return piece

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        """Go somewhere else: boto3 does before it repeats a call."""
        self._position = offset + {SEEK_SET: 0, SEEK_CUR: self._position, SEEK_END: self._filled}[whence]
        return self._position

    def tell(self) -> int:
        """Return where the next `read` begins."""
        return self._position
