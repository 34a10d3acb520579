"""Forms as no browser would send them; `integration/test_streaming.py` has those that come over a wire."""

import gc
import weakref
from io import BytesIO
from socket import socketpair

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.http import RawPostDataException, UnreadablePostError
from django.test import RequestFactory
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser
from rest_framework.exceptions import ParseError

from s3_file_uploader.api.requests import multipart_form
from s3_file_uploader.api.requests.body import RequestBody, leave_unread
from s3_file_uploader.api.requests.multipart_form import form_received
from s3_file_uploader.exceptions import InvalidField, LengthRequired, SizeMismatch
from s3_file_uploader.s3.part_buffer import PartBuffer
from s3_file_uploader.values import mib

BOUNDARY = "----boundary-of-the-test"
PART = mib(7)


def form(*parts, end=True):
    """Return form-data; a part is a name, more headers and a content."""
    body = b""
    for headers, content in parts:
        body += f"--{BOUNDARY}\r\nContent-Disposition: form-data; {headers}\r\n\r\n".encode() + content + b"\r\n"
    return body + (f"--{BOUNDARY}--\r\n".encode() if end else b"")


FILE = 'name="file"; filename="f.txt"\r\nContent-Type: text/plain; charset=utf-8'
BUCKET = ('name="bucket"', b"bucket-one")


def posted(body, content_type=f"multipart/form-data; boundary={BOUNDARY}", **meta):
    return RequestFactory().post("/", body, content_type=content_type, **meta)


class Sink(BytesIO):
    """Takes the bytes of a file; `taken` is the buffer that held all of it."""

    taken = None

    def take(self, body):
        self.taken = body
        self.write(body.read())


class Opened:
    """Notes what the form says when the file begins, and takes its bytes."""

    def __init__(self):
        self.told, self.content = [], Sink()

    def __call__(self, fields, at_most):
        self.told.append((dict(fields.items()), at_most))
        return self.content


@pytest.fixture
def opened():
    return Opened()


def received(request, opened):
    with form_received(request, opened) as fields:
        return dict(fields.items())


def test_a_small_file_is_opened_when_the_form_has_ended(opened):
    fields = received(posted(form((FILE, b"hello"), BUCKET, ('name="x"', b"1"))), opened)
    file = fields.pop("file")
    assert fields == {"bucket": "bucket-one", "x": "1"}
    assert (file.name, file.content_type, file.content_type_extra) == ("f.txt", "text/plain", {"charset": b"utf-8"})
    assert opened.told == [({**fields, "file": file}, 5)]
    assert opened.content.getvalue() == b"hello"
    assert len(opened.content.taken) == 5


def test_a_large_file_is_opened_when_it_begins(opened):
    content = bytes(PART + 1)
    body = form(BUCKET, (FILE, content), ('name="late"', b"1"))
    fields = received(posted(body), opened)
    assert list(fields) == ["bucket", "late", "file"]
    [(told, at_most)] = opened.told
    assert (list(told), at_most) == (["bucket", "file"], len(body))
    assert opened.content.getvalue() == content


def test_a_large_file_before_its_bucket_waits_for_it(opened):
    content = bytes(range(256)) * (PART // 256 + 1)
    received(posted(form((FILE, content), BUCKET)), opened)
    [(told, at_most)] = opened.told
    assert (told["bucket"], at_most) == ("bucket-one", len(content))
    assert opened.content.getvalue() == content


def test_a_small_file_of_a_form_without_a_length_waits_too(opened):
    body = form((FILE, b"hello"), BUCKET)
    chunks = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True, "wsgi.input": BytesIO(body)}
    received(posted(body, **chunks), opened)
    assert [at_most for _, at_most in opened.told] == [5]
    assert (opened.content.getvalue(), opened.content.taken) == (b"hello", None)


@pytest.mark.parametrize("size", [7, mib(8)])
def test_nothing_of_a_form_waits_for_the_garbage_collector(monkeypatch, size):
    held, sinks = weakref.WeakSet(), weakref.WeakSet()

    class Noted(PartBuffer):
        def __init__(self, capacity):
            super().__init__(capacity)
            held.add(self)

    def sink_make(*_):
        sinks.add(sink := Sink())
        return sink

    monkeypatch.setattr(multipart_form, "PartBuffer", Noted)
    gc.disable()
    try:
        with form_received(posted(form(BUCKET, (FILE, bytes(size)))), sink_make):
            pass
        assert (list(held), list(sinks)) == ([], [])
    finally:
        gc.enable()


def test_without_a_file_nothing_is_opened(opened):
    assert received(posted(form(BUCKET)), opened) == {"bucket": "bucket-one"}
    assert (
        received(posted(b"", CONTENT_LENGTH="0", CONTENT_TYPE=f"multipart/form-data; boundary={BOUNDARY}"), opened)
        == {}
    )
    assert opened.told == []


def test_files_of_other_names_are_passed_by(opened):
    other = ('name="other"; filename="o"', b"other")
    fields = received(posted(form(other, (FILE, b"hello"), other, BUCKET)), opened)
    assert sorted(fields) == ["bucket", "file"]
    assert opened.content.getvalue() == b"hello"


def test_a_second_file_is_one_too_many(opened):
    with pytest.raises(InvalidField, match="one file"):
        received(posted(form(BUCKET, (FILE, b"1"), (FILE, b"2"))), opened)


def test_base64_is_decoded(opened):
    received(posted(form(BUCKET, (f"{FILE}\r\nContent-Transfer-Encoding: base64", b"aGVsbG8="))), opened)
    assert opened.content.getvalue() == b"hello"


@pytest.mark.parametrize(
    "request_",
    [
        posted(form(BUCKET), "multipart/form-data"),
        posted(form(BUCKET), "multipart/form-data; boundary="),
        posted(form(BUCKET), "text/plain"),
        posted(form((f"{FILE}\r\nContent-Transfer-Encoding: base64", b"!"))),
    ],
)
def test_what_is_no_form(request_, opened):
    with pytest.raises(ParseError, match="cannot be read"):
        received(request_, opened)


@pytest.mark.parametrize("body", [form(BUCKET, (FILE, b"hello"), end=False), b"no form at all"])
def test_a_form_without_its_end(body, opened):
    with pytest.raises(SizeMismatch, match="last boundary"):
        received(posted(body), opened)


def test_a_form_that_somebody_has_read_before(opened):
    """A middleware of the host, for example, that looks for a field."""
    request = posted(form(BUCKET, (FILE, b"hello")))
    assert request.POST["bucket"] == "bucket-one"
    leave_unread(request)
    fields = received(request, opened)
    assert (fields["bucket"], fields["file"].name) == ("bucket-one", "f.txt")
    assert opened.content.getvalue() == b"hello"
    empty = posted(form(BUCKET))
    assert empty.POST
    assert received(empty, opened) == {"bucket": "bucket-one"}


class TestBody:
    def test_a_body_without_length(self):
        with pytest.raises(LengthRequired, match="Send Content-Length"):
            RequestBody(posted(b"x", CONTENT_LENGTH=""))

    def test_chunks_that_the_server_does_not_decode(self):
        with pytest.raises(LengthRequired, match="in chunks"):
            RequestBody(posted(b"x", HTTP_TRANSFER_ENCODING="gzip, Chunked"))

    def test_chunks_that_it_decodes(self):
        chunks = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True, "wsgi.input": BytesIO(b"xyz")}
        body = RequestBody(posted(b"", **chunks))
        assert (body.length, body.read(2), body.read(2), body.read(2)) == (None, b"xy", b"z", b"")

    def test_a_client_that_is_gone(self):
        class Gone(BytesIO):
            def read(self, *_):
                raise ConnectionResetError("gone")

        chunks = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True, "wsgi.input": Gone()}
        with pytest.raises(UnreadablePostError, match="gone"):
            RequestBody(posted(b"", **chunks)).read(1)

    def test_http_2_needs_no_length(self):
        scope = {"type": "http", "method": "PUT", "path": "/", "headers": []}
        body = RequestBody(ASGIRequest(scope, BytesIO(b"xyz")))
        assert (body.length, body.read(9), body.read(9)) == (None, b"xyz", b"")

    def test_a_body_that_ends_too_early(self):
        body = RequestBody(posted(b"", CONTENT_LENGTH="5", **{"wsgi.input": BytesIO(b"xyz")}))
        assert body.read(9) == b"xyz"
        with pytest.raises(SizeMismatch, match="5 bytes were announced and 3 arrived"):
            body.read(9)

    def test_bytes_go_where_they_are_wanted(self):
        body, room = RequestBody(posted(b"", CONTENT_LENGTH="4", **{"wsgi.input": BytesIO(b"xyz")})), bytearray(9)
        assert (body.read_into(memoryview(room)), room[:3], body.received) == (3, b"xyz", 3)
        with pytest.raises(SizeMismatch, match="4 bytes were announced and 3 arrived"):
            body.read_into(memoryview(room))

    def test_a_body_of_gunicorn_is_read_from_its_socket(self):
        head = b"PUT / HTTP/1.1\r\nHost: here\r\nContent-Length: 6\r\n\r\n"
        server, client = socketpair()
        with server, client:
            client.sendall(head + b"content"[:6])
            arrived = next(RequestParser(Config(), server, ("127.0.0.1", 1))).body
            request = posted(b"", CONTENT_LENGTH="6", **{"wsgi.input": arrived, "gunicorn.socket": server})
            body, room = RequestBody(request), bytearray(3)
            assert (body.read(2), body.read_into(memoryview(room)), bytes(room)) == (b"co", 3, b"nte")
            assert (body.read(9), body.read(9), arrived.read()) == (b"n", b"", b"")
            with pytest.raises(RawPostDataException):
                assert request.body
