"""The id of the current request: in its response, in the log, in the audit trail, and in the access log of S3.

A proxy in front of the service may choose it by the header `X-Request-ID`. Otherwise the service makes one.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import uuid4

from django.http import HttpRequest
from django.http.response import HttpResponseBase

HEADER = "X-Request-ID"
# Longer or other text could fill the log, break its lines, or end the header of a call to S3.
WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)

_request_id: ContextVar[str] = ContextVar("s3_file_uploader.request_id", default="")


def get_request_id() -> str:
    """Return the id of the current request, or an empty text outside of requests."""
    return _request_id.get()


@contextmanager
def use_request_id(request: HttpRequest) -> Iterator[None]:
    """Use the id of the header in the block, a new id without a well-formed one, or that of an outer block."""
    given = request.headers.get(HEADER, "")
    own = given if WELL_FORMED.fullmatch(given) else uuid4().hex
    request_id = vars(request).setdefault("s3_request_id", own)
    token = _request_id.set(request_id)
    try:
        yield
    finally:
        _request_id.reset(token)


def add_request_id(request: HttpRequest, response: HttpResponseBase) -> None:
    """Name the id in the response, so that users can report it."""
    response.headers.setdefault(HEADER, vars(request)["s3_request_id"])


class RequestIdFilter(logging.Filter):
    """Give each log record the attribute `request_id`, for the formatters of the host; empty outside of requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the attribute, and let every record pass.

        Django logs some responses after all middleware, and passes their request in the record.
        """
        request = getattr(record, "request", None)
        record.request_id = get_request_id() or getattr(request, "s3_request_id", "")
        return True
