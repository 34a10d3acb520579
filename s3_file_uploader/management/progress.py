"""Progress bars on a terminal."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, TextIO

from tqdm import tqdm


class ProgressBars(AbstractContextManager["ProgressBars"]):
    """Show one bar after the other. Use it as a context manager, and pass it to a service as `on_progress`."""

    def __init__(self, stream: TextIO, *, shown: bool) -> None:
        """Begin without a bar. Later calls draw bars only if `shown` is true and `stream` is a terminal."""
        self.prefix = ""
        self._stream, self._is_shown = stream, shown and stream.isatty()
        self._description = ""
        self._bar: tqdm[Any] | None = None

    def __call__(self, step: str, more: int, total: int) -> None:
        """Advance the bar by `more`. A new step begins a new bar."""
        if not self._is_shown:
            return
        description = f"{self.prefix}{step}"
        if self._bar is None or description != self._description:
            self._close()
            self._description = description
            self._bar = tqdm(desc=description, total=total or None, unit="", leave=False, file=self._stream)
        self._bar.update(more)

    def set_aside(self) -> AbstractContextManager[None]:
        """Hide the bar for the duration of the block, so that a line can be printed on the same terminal."""
        return nullcontext() if self._bar is None else tqdm.external_write_mode(self._stream)

    def __exit__(self, *error: object) -> None:
        """Remove the last bar from the terminal."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None


def spell_out(name: str) -> str:
    """Return the name of a figure or an outcome as words for the terminal."""
    return name.replace("_", " ")
