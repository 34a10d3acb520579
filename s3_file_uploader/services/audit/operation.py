"""One log line for each storage operation: who, what, where, how much, how long, and how it ended.

The line reads as `key=value` pairs with JSON values; the same mapping is on the log record as `operation`, for
formatters that write JSON. It never holds a URL, a key or a token. `trail.py` learns from it what happened.
"""

import logging
from dataclasses import dataclass, field
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from ...exceptions import S3FileUploaderError, StorageProblem
from ...models import FileUpload
from .trail import OK, Trail, event_tell, log_line, present_trail

logger = logging.getLogger("s3_file_uploader")


@dataclass(slots=True)
class Operation:
    """Use as a context manager around one use case; set `size` and `object_id` once they are known."""

    name: str
    user: Any
    bucket: str = ""
    file_name: str = ""
    size: int | None = None
    object_id: Any = ""
    _started: float = field(default=0.0, repr=False)
    _trail: Trail | None = field(default=None, repr=False)

    @classmethod
    def on(cls, name: str, *, user: Any, upload: FileUpload) -> Self:
        """Return the operation on a record."""
        return cls(name, user, upload.bucket, upload.file_name, upload.size, upload.pk)

    def __enter__(self) -> Self:
        """Start the clock."""
        self._started, trail = perf_counter(), present_trail()
        if trail is not None and not trail.is_taken:  # Else another led to this one, as an upload does to its scan.
            self._trail, trail.is_taken, trail.action = trail, True, self.name
            trail.about(**self._where())
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
            "outcome": kind.__name__ if kind else OK,
        }
        logger.log(_level(error), log_line(told), extra={"operation": told})
        self._audit(str(told["outcome"]))

    def _audit(self, outcome: str) -> None:
        if self._trail is None:
            event_tell(action=self.name, user=self.user, outcome=outcome, **self._where())
        else:
            self._trail.about(**self._where())

    def _where(self) -> dict[str, object]:
        return {"bucket": self.bucket, "file_name": self.file_name, "object_id": self.object_id}


def _level(error: BaseException | None) -> int:
    if (
        error is None
        or isinstance(error, GeneratorExit)
        or (isinstance(error, S3FileUploaderError) and not isinstance(error, StorageProblem))
    ):
        return logging.INFO
    return logging.WARNING
