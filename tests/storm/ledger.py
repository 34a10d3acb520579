"""A ledger of the storm: which contents each key may have in the end, by the responses that clients got."""

import math
import time
from dataclasses import dataclass, field


@dataclass
class Write:
    """A change of a key. `checksum` is that of the new content, None for no object.

    A write without a success may have taken effect, even if it was refused: nginx repeats a PUT or a DELETE on the
    other host if the first one dies. It has lost its claim on the key to any request that begins later and succeeds.
    """

    checksum: str | None
    began: float = field(default_factory=time.monotonic)
    ended: float = math.inf
    is_certain: bool = False

    def end(self, *, is_certain: bool) -> None:
        self.ended, self.is_certain = time.monotonic(), is_certain


class Ledger:
    """The writes of all clients by key."""

    def __init__(self) -> None:
        self._writes: dict[str, list[Write]] = {}

    def begin(self, key: str, checksum: str | None) -> Write:
        """Note a write before its request is sent."""
        write = Write(checksum)
        self._of(key).append(write)
        return write

    def ever(self, key: str) -> set[str | None]:
        """Return each content that the key may have had."""
        return {write.checksum for write in self._of(key)}

    def possible(self) -> dict[str, set[str | None]]:
        """Return the contents that each key may have now: those that no later success replaced."""
        return {key: self._last(writes) for key, writes in self._writes.items()}

    def of(self, key: str) -> list[Write]:
        return sorted(self._of(key), key=lambda write: write.began)

    def _of(self, key: str) -> list[Write]:
        nothing = Write(None, began=-math.inf, ended=-math.inf, is_certain=True)
        return self._writes.setdefault(key, [nothing])

    @staticmethod
    def _last(writes: list[Write]) -> set[str | None]:
        latest = max(write.began for write in writes if write.is_certain)
        return {write.checksum for write in writes if write.ended >= latest}
