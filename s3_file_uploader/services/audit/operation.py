"""Log each storage operation in one line: user, operation, place, size, duration and outcome.

The line has `key=value` pairs with JSON values. The log record has the same mapping as `operation`, for formatters that
write JSON. It never contains a URL, a key or a token. An operation also names the event of `trail.py`.
"""

import logging
from dataclasses import dataclass, field
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from ...exceptions import S3FileUploaderError, StorageProblem
from ...models import FileUpload
from ...request_id import get_request_id
from ...signals import operation_ended
from .trail import OK, Trail, format_log_line, get_trail, record_event

logger = logging.getLogger("s3_file_uploader")


@dataclass(slots=True)
class Operation:
    """Context manager around one use case. Set `size` and `object_id` once they are known."""

    name: str
    user: Any
    bucket: str = ""
    file_name: str = ""
    size: int | None = None
    object_id: Any = ""
    _started: float = field(default=0.0, repr=False)
    _trail: Trail | None = field(default=None, repr=False)
    # The body of a download is sent when the request has left its views.
    _request_id: str = field(default_factory=get_request_id, repr=False)

    @classmethod
    def on(cls, name: str, *, user: Any, upload: FileUpload) -> Self:
        """Return the operation on a record."""
        return cls(name, user, upload.bucket, upload.file_name, upload.size, upload.pk)

    def __enter__(self) -> Self:
        """Start the clock, and name the event of the request, unless an outer operation named it.

        Operations nest: an upload may scan the file.
        """
        self._started, trail = perf_counter(), get_trail()
        if trail is not None and not trail.is_named:
            self._trail, trail.is_named, trail.action = trail, True, self.name
            trail.set_object(**self._get_object())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the log line and send the signal, on success and on failure."""
        seconds, outcome = perf_counter() - self._started, kind.__name__ if kind else OK
        line = {
            "operation": self.name,
            "user": None if self.user is None else str(self.user.pk),
            "bucket": self.bucket,
            "file_name": self.file_name,
            "bytes": self.size,
            "milliseconds": round(seconds * 1000, 1),
            "outcome": outcome,
            "request_id": self._request_id,
        }
        logger.log(_get_level(error), format_log_line(line), extra={"operation": line})
        self._audit(outcome)
        operation_ended.send_robust(Operation, name=self.name, outcome=outcome, seconds=seconds, size=self.size)

    def _audit(self, outcome: str) -> None:
        if self._trail is None:
            record_event(action=self.name, user=self.user, outcome=outcome, **self._get_object())
        else:
            self._trail.set_object(**self._get_object())

    def _get_object(self) -> dict[str, object]:
        return {"bucket": self.bucket, "file_name": self.file_name, "object_id": self.object_id}


def _get_level(error: BaseException | None) -> int:
    if (
        error is None
        or isinstance(error, GeneratorExit)
        or (isinstance(error, S3FileUploaderError) and not isinstance(error, StorageProblem))
    ):
        return logging.INFO
    return logging.WARNING
