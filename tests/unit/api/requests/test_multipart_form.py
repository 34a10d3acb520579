"""Bodies and forms that no browser sends; `integration/uploads/test_streaming.py` sends forms over a wire."""

import gc
import weakref
from io import BytesIO

import pytest
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.handlers.asgi import ASGIRequest
from django.http import RawPostDataException, UnreadablePostError
from django.test import RequestFactory
from rest_framework.exceptions import ParseError

from s3_file_uploader.api.requests import multipart_form
from s3_file_uploader.api.requests.body import RequestBody, keep_unread
from s3_file_uploader.api.requests.multipart_form import read_form
from s3_file_uploader.exceptions import InvalidField, LengthRequired, SizeMismatch
from s3_file_uploader.values import mib

BOUNDARY = "----boundary-of-the-test"
PART = mib(5)


def form(*parts, end=True):
    """Return form-data; a part is a name, more headers and a content."""
    body = b""
    for headers, content in parts:
        body += f"--{BOUNDARY}\r\nContent-Disposition: form-data; {headers}\r\n\r\n".encode() + content + b"\r\n"
    return body + (f"--{BOUNDARY}--\r\n".encode() if end else b"")


FILE = 'name="file"; filename="f.txt"\r\nContent-Type: text/plain; charset=utf-8'
BUCKET = ('name="bucket"', b"bucket-one")


def posted(body, content_type=f"multipart/form-data; boundary={BOUNDARY}", **meta):
    return RequestFactory().generic("POST", "/", body, content_type=content_type, **meta)


def read(request):
    """Return the fields before the file, those in the end, the file and its content."""
    with read_form(request) as (fields, file):
        early = dict(fields.items())
        content = b"".join(file.chunks) if file else None
        return early, dict(fields.items()), file, content


def test_form_with_small_file_waits_for_fields_behind_it():
    early, fields, file, content = read(posted(form((FILE, b"hello"), BUCKET, ('name="x"', b"1"))))
    assert early == fields == {"bucket": "bucket-one", "x": "1"}
    assert (file.name, file.content_type) == ("f.txt", "text/plain; charset=utf-8")
    assert (file.size, file.at_most, content) == (5, 5, b"hello")


def test_form_with_large_file_is_streamed():
    sent = bytes(PART + 1)
    body = form(BUCKET, (FILE, sent), ('name="late"', b"1"))
    early, fields, file, content = read(posted(body))
    assert (early, fields) == ({"bucket": "bucket-one"}, {"bucket": "bucket-one", "late": "1"})
    assert (file.size, file.at_most, content == sent) == (None, len(body), True)


def test_form_with_large_file_before_its_bucket_waits_for_it():
    sent = bytes(range(256)) * (PART // 256 + 1)
    early, _, file, content = read(posted(form((FILE, sent), BUCKET)))
    assert (early["bucket"], file.size, content == sent) == ("bucket-one", len(sent), True)


@pytest.mark.parametrize(("parts", "size"), [(((FILE, b"hello"), BUCKET), 5), ((BUCKET, (FILE, b"hello")), None)])
def test_form_without_length_is_streamed_where_bucket_is_known(parts, size):
    body = form(*parts)
    chunks = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True, "wsgi.input": BytesIO(body)}
    _, fields, file, content = read(posted(body, **chunks))
    assert (fields["bucket"], file.size, file.at_most, content) == ("bucket-one", size, size, b"hello")


@pytest.mark.parametrize("size", [7, mib(8)])
def test_form_that_was_read_leaves_nothing_to_garbage_collector(monkeypatch, size):
    bodies = weakref.WeakSet()

    class Noted(RequestBody):
        def __init__(self, request):
            super().__init__(request)
            bodies.add(self)

    monkeypatch.setattr(multipart_form, "RequestBody", Noted)
    gc.disable()
    try:
        assert len(read(posted(form(BUCKET, (FILE, bytes(size)))))[3]) == size
        assert list(bodies) == []
    finally:
        gc.enable()


def test_form_without_file_has_its_fields():
    assert read(posted(form(BUCKET)))[1:] == ({"bucket": "bucket-one"}, None, None)
    empty = posted(b"", CONTENT_LENGTH="0", CONTENT_TYPE=f"multipart/form-data; boundary={BOUNDARY}")
    assert read(empty)[1:] == ({}, None, None)


@pytest.mark.parametrize(
    "other",
    [
        ('name="other"; filename="o"', b"other"),
        ('filename="o"', b"other"),
        ('name="file"; filename="folder/"', b"other"),
        ("", b"other"),
    ],
)
def test_form_with_part_of_another_kind_passes_it_by(other):
    _, fields, _, content = read(posted(form(other, (FILE, b"hello"), other, BUCKET)))
    assert (fields, content) == ({"bucket": "bucket-one"}, b"hello")


def test_form_with_second_file_is_refused():
    with pytest.raises(InvalidField, match="one file"):
        read(posted(form(BUCKET, (FILE, b"1"), (FILE, b"2"))))


@pytest.mark.parametrize("content", [b"aGVsbG8gd29ybGQ=", b"aGVsb\r\nG8gd29y\r\nbGQ=\r\n"])
def test_form_in_base64_is_decoded(content, monkeypatch):
    monkeypatch.setattr(multipart_form, "FORM_CHUNK_BYTES", 5)
    base64 = "\r\nContent-Transfer-Encoding: base64"
    field = (f'name="bucket"{base64}', b"YnVja2V0")
    assert read(posted(form(field, (f"{FILE}{base64}", content))))[1::2] == ({"bucket": "bucket"}, b"hello world")


@pytest.mark.parametrize(
    ("limit", "value", "error"),
    [
        ("NUMBER_FIELDS", 1, TooManyFieldsSent),
        ("NUMBER_FILES", 1, TooManyFilesSent),
        ("MEMORY_SIZE", 20, RequestDataTooBig),
        ("MEMORY_SIZE", 7, RequestDataTooBig),
    ],
)
def test_form_beyond_limit_of_django_is_refused(settings, limit, value, error):
    other = ('name="other"; filename="o"', b"other")
    request = posted(form(BUCKET, ('name="x"', b"1"), ('name="y"', b"2"), ('name="z"', b"3"), other, other))
    with_limit = f"DATA_UPLOAD_MAX_{limit}"
    setattr(settings, with_limit, value)
    with pytest.raises(error, match=with_limit):
        read(request)
    setattr(settings, with_limit, None)
    assert read(posted(form(BUCKET)))[1] == {"bucket": "bucket-one"}


@pytest.mark.parametrize(
    "request_",
    [
        posted(form(BUCKET), "multipart/form-data"),
        posted(form(BUCKET), "multipart/form-data; boundary="),
        posted(form(BUCKET), "text/plain"),
        posted(form((f"{FILE}\r\nContent-Transfer-Encoding: base64", b"!"))),
        posted(form((f"{FILE}\r\nContent-Transfer-Encoding: base64", b"!!!!a==="))),
        posted(form((f"{FILE}\r\nContent-Transfer-Encoding: base64", b"aGVs$bG8=%%%"))),
        posted(form((f"{FILE}\r\nContent-Transfer-Encoding: base64", b"QQ==QUJD"))),
        posted(form(BUCKET), f"multipart/form-data; boundary={BOUNDARY}; charset=hex"),
        posted(form(BUCKET), f"multipart/form-data; boundary={BOUNDARY}; charset=idna"),
    ],
)
def test_form_that_is_malformed_is_refused(request_):
    with pytest.raises(ParseError, match="cannot be read"):
        read(request_)


@pytest.mark.parametrize("body", [form(BUCKET, (FILE, b"hello"), end=False), b"no form at all"])
def test_form_without_its_end_is_refused(body):
    with pytest.raises(SizeMismatch, match="last boundary"):
        read(posted(body))


def test_form_that_middleware_has_read_is_taken_from_django():
    request = posted(form(BUCKET, (FILE, b"hello")))
    assert request.POST["bucket"] == "bucket-one"
    keep_unread(request)
    _, fields, file, content = read(request)
    assert (fields, file.name, file.size) == ({"bucket": "bucket-one"}, "f.txt", 5)
    assert (file.content_type, content) == ("text/plain; charset=utf-8", b"hello")
    without_file = posted(form(BUCKET))
    assert without_file.POST
    assert read(without_file)[1:] == ({"bucket": "bucket-one"}, None, None)


class TestBody:
    def test_body_without_length_is_refused(self):
        with pytest.raises(LengthRequired, match="Send Content-Length"):
            RequestBody(posted(b"x", CONTENT_LENGTH=""))

    def test_body_in_chunks_that_server_does_not_decode_is_refused(self):
        with pytest.raises(LengthRequired, match="in chunks"):
            RequestBody(posted(b"x", HTTP_TRANSFER_ENCODING="gzip, Chunked"))

    def test_body_in_chunks_that_server_decodes_is_read(self):
        chunks = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True, "wsgi.input": BytesIO(b"xyz")}
        body = RequestBody(posted(b"", **chunks))
        assert (body.length, body.read(2), body.read(2), body.read(2)) == (None, b"xy", b"z", b"")

    def test_body_whose_client_is_gone_is_unreadable(self):
        class Gone(BytesIO):
            def read(self, *_):
                raise ConnectionResetError("gone")

        chunks = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True, "wsgi.input": Gone()}
        with pytest.raises(UnreadablePostError, match="gone"):
            RequestBody(posted(b"", **chunks)).read(1)

    def test_body_of_http_2_needs_no_length(self):
        scope = {"type": "http", "method": "PUT", "path": "/", "headers": [], "http_version": "2"}
        body = RequestBody(ASGIRequest(scope, BytesIO(b"xyz")))
        assert (body.length, body.read(9), body.read(9)) == (None, b"xyz", b"")
        with pytest.raises(LengthRequired):
            RequestBody(ASGIRequest({**scope, "http_version": "1.1"}, BytesIO(b"xyz")))

    def test_body_that_ends_too_early_is_a_size_mismatch(self):
        body = RequestBody(posted(b"", CONTENT_LENGTH="5", **{"wsgi.input": BytesIO(b"xyz")}))
        assert body.read(9) == b"xyz"
        with pytest.raises(SizeMismatch, match="5 bytes were announced and 3 arrived"):
            body.read(9)

    def test_body_that_was_read_is_closed_to_django(self):
        request = posted(b"xyz", CONTENT_LENGTH="3")
        assert RequestBody(request).read(9) == b"xyz"
        with pytest.raises(RawPostDataException):
            assert request.body
