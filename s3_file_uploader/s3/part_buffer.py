"""Memory for one part on its way to S3: pages that exist once they are written to, and go back to the system at once.

So a slow client costs no more memory than it has sent, and nothing stays in the heap for later requests.
"""

from io import SEEK_CUR, SEEK_END, SEEK_SET
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap

# S3 must take each piece within the connect timeout of boto3. boto3 asks for smaller pieces, which cost more CPU time.
PIECE_BYTES = 64 * 1024


class PartBuffer:
    """A buffer of fixed capacity; boto3 reads its content as the body of a request, once or again."""

    def __init__(self, capacity: int) -> None:
        """Reserve the capacity, in bytes."""
        self.capacity, self._filled, self._position = capacity, 0, 0
        self._memory = memoryview(mmap(-1, capacity, flags=MAP_PRIVATE | MAP_ANONYMOUS))

    @property
    def is_full(self) -> bool:
        """Return True if no byte fits any more."""
        return self._filled == self.capacity

    def fill(self, data: memoryview) -> memoryview:
        """Copy as many bytes as fit, and return the rest."""
        room = self._memory[self._filled : self._filled + len(data)]
        room[:] = data[: len(room)]
        self._filled += len(room)
        return data[len(room) :]

    def head(self, size: int) -> bytes:
        """Return a copy of the first bytes, up to `size`."""
        return bytes(self._memory[: min(size, self._filled)])

    def view(self) -> memoryview:
        """Return the content without a copy."""
        return self._memory[: self._filled]

    def empty(self) -> None:
        """Discard the content."""
        self._filled = self._position = 0

    def __len__(self) -> int:
        """Return the number of bytes in the buffer."""
        return self._filled

    def read(self, size: int = -1) -> bytes | memoryview:
        """Return the next bytes without a copy: at least `PIECE_BYTES`, if there are as many.

        Without a size, return a copy of all the rest.
        """
        rest = self._memory[self._position : self._filled]
        piece = rest if size < 0 else rest[: max(size, PIECE_BYTES)]
        self._position += len(piece)
        return bytes(piece) if size < 0 else piece

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        """Move the position; boto3 does so before it retries a call."""
        self._position = offset + {SEEK_SET: 0, SEEK_CUR: self._position, SEEK_END: self._filled}[whence]
        return self._position

    def tell(self) -> int:
        """Return the position of the next `read`."""
        return self._position
