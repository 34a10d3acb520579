"""The headers of a file, and when it is sent; what real servers do with it is tested beside them."""

import asyncio
from datetime import UTC, datetime

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.test import RequestFactory

from s3_file_uploader.api.responses.file_response import answer_file, answer_unchanged
from s3_file_uploader.exceptions import PreconditionFailed

CONTENT = b"0123456789"
CHANGED = datetime(2026, 5, 1, 12, 0, 0, 999, tzinfo=UTC)
HTTP_DATE = "Fri, 01 May 2026 12:00:00 GMT"
A_SECOND_BEFORE = "Fri, 01 May 2026 11:59:59 GMT"


class Source:
    """Gives the content byte by byte, and remembers what was asked and whether it was closed."""

    def __init__(self):
        self.ranges, self.given, self.closed = [], 0, 0

    def __call__(self, *, start, stop):
        self.ranges.append((start, stop))
        try:
            for position in range(start, stop):
                self.given += 1
                yield CONTENT[position : position + 1]
        finally:
            self.closed += 1


@pytest.fixture
def source():
    return Source()


def request(method="GET", **headers):
    return RequestFactory().generic(
        method, "/", headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


def answer_to(request, source):
    return answer_file(
        request,
        size=len(CONTENT),
        content_type="text/html",
        etag="tag",
        changed_at=CHANGED,
        disposition="attachment",
        read=source,
    )


def test_answer_file_without_range_is_whole(source):
    answer = answer_to(request(), source)
    assert answer.status_code == 200
    assert dict(answer.items()) == {
        "Accept-Ranges": "bytes",
        "Content-Disposition": "attachment",
        "Content-Length": "10",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Content-Type": "text/html",
        "ETag": '"tag"',
        "Last-Modified": HTTP_DATE,
        "X-Content-Type-Options": "nosniff",
    }
    assert answer.getvalue() == CONTENT


def test_answer_file_head_reads_nothing(source):
    whole, head = answer_to(request(), source), answer_to(request("HEAD", range="bytes=0-1"), Source())
    assert (head.status_code, head.content, dict(head.items())) == (200, b"", dict(whole.items()))


def test_answer_file_reads_first_chunk_before_response(source):
    answer_to(request(), source)
    assert source.given == 1


def test_answer_file_closed_response_closes_source(db, source):
    answer = answer_to(request(), source)
    next(iter(answer))
    answer.close()
    assert (source.closed, source.given) == (1, 1)


def test_answer_file_several_ranges_are_multipart(source):
    answer = answer_to(request(range="bytes=0-1,-2"), source)
    boundary = answer["Content-Type"].removeprefix("multipart/byteranges; boundary=")
    body = answer.getvalue()
    assert (answer.status_code, int(answer["Content-Length"])) == (206, len(body))
    assert body.decode() == (
        f"\r\n--{boundary}\r\nContent-Type: text/html\r\nContent-Range: bytes 0-1/10\r\n\r\n01"
        f"\r\n--{boundary}\r\nContent-Type: text/html\r\nContent-Range: bytes 8-9/10\r\n\r\n89"
        f"\r\n--{boundary}--\r\n"
    )


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ('"tag"', 206),
        ('"other"', 200),
        ('W/"tag"', 200),
        (HTTP_DATE, 206),
        (A_SECOND_BEFORE, 200),
        ("x", 200),
    ],
)
def test_answer_file_if_range_of_same_version_is_partial(source, condition, status):
    answer = answer_to(request(range="bytes=1-2", if_range=condition), source)
    assert (answer.status_code, answer.getvalue()) == (status, b"12" if status == 206 else CONTENT)


@pytest.mark.parametrize(
    "headers",
    [
        {"if_none_match": '"tag"'},
        {"if_none_match": "*"},
        {"if_none_match": '"a", W/"tag"'},
        {"if_modified_since": HTTP_DATE},
    ],
)
def test_answer_unchanged_same_version_is_304(headers):
    answer = answer_unchanged(request(**headers), etag="tag", changed_at=CHANGED)
    assert (answer.status_code, answer["ETag"], answer["Last-Modified"]) == (304, '"tag"', HTTP_DATE)


@pytest.mark.parametrize(
    "headers",
    [{}, {"if_none_match": '"other"'}, {"if_modified_since": A_SECOND_BEFORE}, {"if_match": '"tag"'}],
)
def test_answer_unchanged_other_version_is_none(headers):
    assert answer_unchanged(request(**headers), etag="tag", changed_at=CHANGED) is None


@pytest.mark.parametrize("headers", [{"if_match": '"other"'}, {"if_unmodified_since": A_SECOND_BEFORE}])
def test_answer_unchanged_failed_precondition_is_412(headers):
    with pytest.raises(PreconditionFailed):
        answer_unchanged(request(**headers), etag="tag", changed_at=CHANGED)


class TestUnderASGI:
    @pytest.fixture
    def asgi(self):
        return ASGIRequest({"type": "http", "method": "GET", "path": "/", "headers": []}, None)

    def test_answer_file_under_asgi_is_streamed(self, asgi, source):
        answer = answer_to(asgi, source)
        assert answer.is_async

        async def read():
            pieces = aiter(answer)
            first = await anext(pieces)
            given = source.given
            return first, given, [piece async for piece in pieces]

        first, given, rest = asyncio.run(read())
        assert (first, given, b"".join(rest)) == (b"0", 1, CONTENT[1:])

    def test_answer_file_closed_response_closes_source(self, db, asgi, source):
        answer_to(asgi, source).close()
        assert source.closed == 1
