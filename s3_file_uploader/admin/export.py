"""Stream records as CSV: a batch at a time, without the formulas that a spreadsheet would run."""

import csv
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from ..models import FileUpload
from ..services.audit.operation import Operation
from .read_only import get_staff

BATCH = 1000
COLUMNS = (
    *("id", "bucket", "file_name", "original_name", "user_id", "user_name", "size", "content_type", "status"),
    *("status_reason", "strategy", "created_at", "completed_at", "checksum_sha256", "etag"),
)
# https://owasp.org/www-community/attacks/CSV_Injection
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class _Echo:
    """A file that returns the line that it gets, as `csv.writer` writes it."""

    def write(self, line: str) -> str:
        """Return the line."""
        return line


def export_uploads(request: HttpRequest, uploads: QuerySet[FileUpload]) -> StreamingHttpResponse:
    """Return the records as a file.

    Args:
        request: of the admin.
        uploads: any number of records; one batch is in memory at a time.
    """
    with Operation("upload_export", get_staff(request)):
        lines = write_lines(uploads)
        # Under ASGI, Django would read a synchronous body to its end before it sends the first byte.
        body: Any = _read_in_thread(lines) if isinstance(request, ASGIRequest) else lines
        name = f"uploads-{timezone.now():%Y%m%d-%H%M%S}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return StreamingHttpResponse(body, content_type="text/csv; charset=utf-8", headers=headers)


def write_lines(uploads: QuerySet[FileUpload]) -> Iterator[str]:
    """Yield the heading, then the lines of one batch after the other."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(COLUMNS)  # Excel reads UTF-8 only after this mark.
    lines = []
    for upload in uploads.select_related("user").iterator(chunk_size=BATCH):
        lines.append(writer.writerow([neutralise(_get_value(upload, column)) for column in COLUMNS]))
        if len(lines) == BATCH:
            yield "".join(lines)
            lines.clear()
    yield "".join(lines)


def neutralise(value: object) -> str:
    """Return the text of a cell. An apostrophe before a formula makes it text for a spreadsheet."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text


def _get_value(upload: FileUpload, column: str) -> object:
    match column:
        case "user_name":
            return upload.user.get_username() if upload.user else ""
        case "created_at" | "completed_at":
            moment = getattr(upload, column)
            return moment and moment.isoformat()
    return getattr(upload, column)


async def _read_in_thread(lines: Iterator[str]) -> AsyncIterator[str]:
    """Read each batch in the thread of the request, whose connection to the database the query uses."""
    following = sync_to_async(partial(next, lines, None))
    while (batch := await following()) is not None:
        yield batch
