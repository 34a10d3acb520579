"""Progress bars for a person at a terminal; nobody else sees any."""

from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Self, TextIO

from tqdm import tqdm


class Bars:
    """One bar after the other; a context manager, and what the services call with their progress."""

    def __init__(self, stream: TextIO, *, shown: bool) -> None:
        """Begin without a bar; there never will be one unless `shown`, nor where `stream` is no terminal."""
        self.about = ""
        self._stream, self._is_shown = stream, shown and stream.isatty()
        self._what = ""
        self._bar: tqdm[Any] | None = None

    def __call__(self, what: str, more: int, total: int) -> None:
        """Move on by `more`, on a new bar where it is about something else than before."""
        if not self._is_shown:
            return
        what = f"{self.about}{what}"
        if self._bar is None or what != self._what:
            self._close()
            self._what = what
            self._bar = tqdm(desc=what, total=total or None, unit="", leave=False, file=self._stream)
        self._bar.update(more)

    def set_aside(self) -> AbstractContextManager[None]:
        """Make room for a line on the same terminal."""
        return nullcontext() if self._bar is None else tqdm.external_write_mode(self._stream)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wipe the last bar away."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None
