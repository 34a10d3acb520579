"""One log line for each storage operation: who, what, where, how much, how long, and how it ended.

The line reads as `key=value` pairs with JSON values; the same mapping is on the log record as `operation`, for
formatters that write JSON. It never holds a URL, a key or a token.
"""

import json
import logging
from dataclasses import dataclass, field
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from .exceptions import S3FileUploaderError, StorageProblem

logger = logging.getLogger("s3_file_uploader")


@dataclass(slots=True)
class Operation:
    """Use as a context manager around one use case; set `size` once it is known."""

    name: str
    user: Any
    bucket: str = ""
    file_name: str = ""
    size: int | None = None
    _started: float = field(default=0.0, repr=False)

    def __enter__(self) -> Self:
        """Start the clock."""
        self._started = perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the line, whether it ended well or not."""
        told = {
            "operation": self.name,
            "user": None if self.user is None else str(self.user.pk),
            "bucket": self.bucket,
            "file_name": self.file_name,
            "bytes": self.size,
            "milliseconds": round((perf_counter() - self._started) * 1000, 1),
            "outcome": kind.__name__ if kind else "ok",
        }
        logger.log(
            _level(error),
            " ".join(f"{name}={json.dumps(value)}" for name, value in told.items()),
            extra={"operation": told},
        )


def _level(error: BaseException | None) -> int:
    if (
        error is None
        or isinstance(error, GeneratorExit)
        or (isinstance(error, S3FileUploaderError) and not isinstance(error, StorageProblem))
    ):
        return logging.INFO
    return logging.WARNING
