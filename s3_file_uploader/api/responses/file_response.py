"""Answer a request with a stored file: whole, in one range or several, or with 304.

https://www.rfc-editor.org/rfc/rfc9110.html
"""

import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from functools import partial
from http import HTTPStatus
from itertools import chain
from threading import Lock
from typing import Any, Protocol

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date, parse_http_date_safe

from ...exceptions import PreconditionFailed
from .byte_ranges import Range, parse_ranges


class Reader(Protocol):
    """Read the bytes of a file from `start` to before `stop`."""

    def __call__(self, *, start: int, stop: int) -> Iterator[bytes]:
        """Return the bytes in chunks."""


def answer_unchanged(request: HttpRequest, *, etag: str, changed_at: datetime) -> HttpResponseBase | None:
    """Return 304 if the client has the file already, else None.

    Args:
        request: with conditional headers, such as `If-None-Match`.
        etag: of the file, without quotes.
        changed_at: the time when its bytes were stored; aware.

    Raises:
        PreconditionFailed: the client requires another version of the file.
    """
    fresh = HttpResponse(headers=_validators(etag, changed_at))
    answer = get_conditional_response(request, etag=fresh["ETag"], last_modified=_seconds(changed_at), response=fresh)
    if answer is not None and answer.status_code == HTTPStatus.PRECONDITION_FAILED:
        raise PreconditionFailed("The file was replaced since you saw it: ask for it without the condition.")
    return None if answer is fresh else answer


def answer_file(
    request: HttpRequest,
    *,
    size: int,
    content_type: str,
    etag: str,
    changed_at: datetime,
    disposition: str,
    read: Reader,
) -> HttpResponseBase:
    """Answer with a file or the ranges in `Range`; HEAD gets the headers of the whole file.

    Args:
        request: GET or HEAD.
        size: in bytes.
        content_type: of the file.
        etag: without quotes.
        changed_at: the time when its bytes were stored; aware.
        disposition: the header that names the file.
        read: reads the bytes from S3; the first chunk is read before this returns, so that an error of S3 becomes the
            response.

    Raises:
        RangeNotSatisfiable: no byte of the file is in the range.
        S3FileUploaderError: raised by `read`.
    """
    headers = {
        **_validators(etag, changed_at),
        "Accept-Ranges": "bytes",
        "Content-Disposition": disposition,
        # An uploaded file must not run as a page of this site.
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
    }
    if request.method == "HEAD":
        return HttpResponse(headers={**headers, "Content-Type": content_type, "Content-Length": str(size)})
    ranges = parse_ranges(request.headers.get("Range", ""), size) if _range_applies(request, etag, changed_at) else []
    match ranges:
        case []:
            status, body, length = 200, read(start=0, stop=size), size
        case [(start, stop)]:
            status, body, length = 206, read(start=start, stop=stop), stop - start
            headers["Content-Range"] = _content_range(start, stop, size)
        case _:
            parts = _Parts(ranges, size, content_type)
            status, body, length, content_type = 206, parts.body(read), parts.length, parts.content_type
    answer = StreamingHttpResponse(_begun(request, body), status=status, headers=headers, content_type=content_type)
    answer["Content-Length"] = str(length)
    return answer


class _Parts:
    """Several ranges in one body (RFC 9110, 14.6)."""

    def __init__(self, ranges: list[Range], size: int, content_type: str) -> None:
        boundary = uuid.uuid4().hex
        self.content_type = f"multipart/byteranges; boundary={boundary}"
        self._parts = [(self._head(boundary, content_type, part, size), part) for part in ranges]
        self._end = f"\r\n--{boundary}--\r\n".encode()

    @property
    def length(self) -> int:
        return sum(len(head) + stop - start for head, (start, stop) in self._parts) + len(self._end)

    def body(self, read: Reader) -> Iterator[bytes]:
        for head, (start, stop) in self._parts:
            yield head
            yield from read(start=start, stop=stop)
        yield self._end

    @staticmethod
    def _head(boundary: str, content_type: str, part: Range, size: int) -> bytes:
        lines = (f"--{boundary}", f"Content-Type: {content_type}", f"Content-Range: {_content_range(*part, size)}")
        return ("\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode()


def _content_range(start: int, stop: int, size: int) -> str:
    return f"bytes {start}-{stop - 1}/{size}"


def _validators(etag: str, changed_at: datetime) -> dict[str, str]:
    return {"ETag": f'"{etag}"', "Last-Modified": http_date(changed_at.timestamp())}


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _range_applies(request: HttpRequest, etag: str, changed_at: datetime) -> bool:
    """Return True if the client has other ranges of the same version of the file (`If-Range`)."""
    condition = request.headers.get("If-Range")
    if not condition:
        return True
    return condition == f'"{etag}"' or parse_http_date_safe(condition) == _seconds(changed_at)


# --- under WSGI and ASGI ----------------------------------------------------------------------------------------------


def _begun(request: HttpRequest, body: Iterator[bytes]) -> Any:
    """Read the first chunk now; Django closes the body with the response, and so ends the call to S3."""
    chunks = _Chunks(next(body, b""), body)
    # Under ASGI, Django would read a synchronous body to its end before it sends the first byte.
    return _ChunksFromThreads(chunks) if isinstance(request, ASGIRequest) else chunks


class _Chunks:
    """A started iterator; closing it waits for the chunk that is being read."""

    def __init__(self, first: bytes, rest: Any) -> None:
        self._chunks, self._rest, self._turn = chain([first], rest), rest, Lock()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        with self._turn:
            chunk: bytes = next(self._chunks)
            return chunk

    def close(self) -> None:
        with self._turn:
            self._rest.close()


class _ChunksFromThreads:
    """The same for ASGI, where the event loop must not wait for S3."""

    def __init__(self, chunks: _Chunks) -> None:
        self._chunks, self.close = chunks, chunks.close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        following = sync_to_async(partial(next, self._chunks, b""), thread_sensitive=False)
        while chunk := await following():
            yield chunk
