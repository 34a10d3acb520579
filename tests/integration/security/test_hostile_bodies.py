"""Hostile requests to a running server: each gets an error of this app or is dropped, and the next request works.

Bytes go over a raw connection, so that no library corrects them. Each test ends with `innocent`: the log has no
traceback, nothing is stored, the server responds at once, and it uses no more memory than before.
"""

import json
import time
from contextlib import ExitStack

import pytest

from s3_file_uploader.models import FileUpload
from tests.integration.conftest import token_of
from tests.integration.uploads.test_streaming import becomes_true
from tests.support.fuzzed import log_check
from tests.support.raw import (
    BOUNDARY,
    FORM,
    JSON,
    answers,
    form,
    left_in,
    memory_bytes,
    part,
    request,
    shape_of,
)
from tests.support.served import ASGI, SERVICE

MIB = 2**20
GROWTH_BYTES = 24 * MIB
AT_ONCE_SECONDS = 2
THREADS = 8
INVALID = [(400, "invalid")]
# gunicorn itself refuses invalid HTTP, with HTML, before this app gets the request.
NO_HTTP = [(400, "")]
LONGEST_CHUNK = b"f" * 16
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture
def innocent(served, user, bucket):
    """Return a function that sends bytes as the user. Assert at the end that they changed nothing."""
    before, token = len(served.log), f"Authorization: {token_of(user)}"
    assert answers(served, request("GET", "uploads/", token))
    held = memory_bytes(served)

    def send(verb, path, *lines, body=b"", length=True):
        whole = request(verb, path.replace("BUCKET", bucket), token, *lines, body=body, length=length)
        return [shape_of(answer) for answer in answers(served, whole)]

    yield send
    began = time.monotonic()
    assert answers(served, request("GET", "uploads/", token))[0].endswith(b'"results":[]}')
    assert time.monotonic() - began < AT_ONCE_SECONDS
    assert left_in(bucket) == []
    assert memory_bytes(served) - held < GROWTH_BYTES
    log_check(served.log[before:])


# --- the length of a body, and where the next request begins ---------------------------------------------------------

PUT = ("PUT", "buckets/BUCKET/files/a.txt/")
SECOND = f"GET {SERVICE}health/ HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
LENGTHS = {
    "longer than the body": (["Content-Length: 50"], b"content", [(400, "size_mismatch")]),
    "an exabyte": ([f"Content-Length: {2**60}"], b"content", [(413, "file_too_large")]),
    "more digits than a number has": ([f"Content-Length: {'9' * 4000}"], b"content", None),
    "negative": (["Content-Length: -1"], b"content", NO_HTTP),
    "with a sign": (["Content-Length: +7"], b"content", NO_HTTP),
    "in hex": (["Content-Length: 0x7"], b"content", NO_HTTP),
    "in other digits": (["Content-Length: \u0667"], b"content", NO_HTTP),
    "two of them": (["Content-Length: 7", "Content-Length: 3"], b"content", NO_HTTP),
    "two in one": (["Content-Length: 7, 3"], b"content", NO_HTTP),
    "beside chunks": (["Content-Length: 3", CHUNKED], b"0\r\n\r\n" + SECOND, NO_HTTP),
    "beside chunks, the other way": ([CHUNKED, "Content-Length: 3"], b"0\r\n\r\n" + SECOND, NO_HTTP),
    "chunks in other words": (["Transfer-Encoding: xchunked"], b"0\r\n\r\n", [(501, "")]),
    "chunks twice": ([CHUNKED, CHUNKED], b"0\r\n\r\n" + SECOND, None),
    "chunks, then identity": (["Transfer-Encoding: chunked, identity"], b"0\r\n\r\n" + SECOND, None),
    "chunks behind a tab": (["Transfer-Encoding:\tchunked\x0b"], b"0\r\n\r\n" + SECOND, None),
    "a space before the colon": (["Content-Length : 7"], b"content", NO_HTTP),
    "a folded line": (["Content-Length:", " 7"], b"content", NO_HTTP),
    "none": ([], b"content", [(411, "length_required")]),
    "no chunk at all": ([CHUNKED], b"content", INVALID),
    "a chunk of negative size": ([CHUNKED], b"-5\r\nabcde\r\n0\r\n\r\n", INVALID),
    "a chunk with a prefix": ([CHUNKED], b"0x5\r\nabcde\r\n0\r\n\r\n", INVALID),
    "a chunk that is longer": ([CHUNKED], b"3\r\nabcde\r\n0\r\n\r\n", INVALID),
    "a chunk that breaks off": ([CHUNKED], b"ffff\r\nabcde", None),
    "a chunk beyond all numbers": ([CHUNKED], LONGEST_CHUNK + b"\r\nabcde", None),
    "no last chunk": ([CHUNKED], b"5\r\nabcde\r\n", None),
    "an extension of a megabyte": ([CHUNKED], b"5;" + b"a" * MIB + b"\r\nabcde\r\n0\r\n\r\n", INVALID),
    "a trailer of a megabyte": ([CHUNKED], b"0\r\nX: " + b"a" * MIB + b"\r\n\r\n", None),
    "a trailer that names a length": ([CHUNKED], b"5\r\nabcde\r\n0\r\nContent-Length: 5\r\nbad trailer\r\n\r\n", None),
}


@pytest.mark.parametrize("kind", LENGTHS)
def test_wrong_content_lengths_are_refused(innocent, kind):
    lines, body, expected = LENGTHS[kind]
    came = innocent(*PUT, *lines, body=body, length=False)
    assert len(came) <= 1, "the rest of a body was taken for a request of its own"
    assert all(400 <= status < 500 or status == 501 for status, _ in came)
    assert came in ([], came if expected is None else expected)


def test_bytes_after_a_refused_body_are_no_request(served, user, bucket, innocent):
    """On a kept connection, a smuggled request would get a second response."""
    path = f"{SERVICE}buckets/{bucket}/files/a.txt/"
    head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token_of(user)}\r\n"
    for rest in (f"{CHUNKED}\r\n\r\nzz\r\n", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"):
        assert len(answers(served, (head + rest).encode() + SECOND)) == 1


def test_half_open_bodies_occupy_one_thread_each(served, user, bucket, innocent):
    """Occupy all threads but one. The thread of a client that stops sending must become free by itself."""
    head = f"PUT {SERVICE}buckets/{bucket}/files/a.txt/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
    with ExitStack() as stack:
        for number in range(THREADS - 1):
            connection = stack.enter_context(served.connect())
            whole = head.replace("a.txt", str(number)) + f"Authorization: {token_of(user)}\r\n\r\nbegun"
            connection.sendall(whole.encode())
        becomes_true(lambda: FileUpload.objects.count() == THREADS - 1)
        assert innocent("GET", "health/") == [(200, "")]
    becomes_true(lambda: left_in(bucket) == [])


def test_expect_100_continue_gets_a_response(served, user, bucket, innocent):
    """gunicorn reads every body. A refused request gets its response before the body arrives."""
    head = request("PUT", f"buckets/{bucket}/files/a//b/", f"Authorization: {token_of(user)}", "Expect: 100-continue")
    head = head.replace(b"Content-Length: 0", b"Content-Length: 1000000")
    with served.connect() as connection:
        connection.sendall(head)
        received = connection.recv(65536)
        while b" 400 " not in received:
            received += connection.recv(65536) or pytest.fail(received)
    assert innocent("GET", "uploads/", "Expect: a miracle")[0][0] in (200, 417)


# --- headers and the query -------------------------------------------------------------------------------------------

LONG = {
    "a megabyte in one header": ([f"X-Long: {'a' * MIB}"], "uploads/"),
    "a thousand headers": ([f"X-{number}: a" for number in range(1000)], "uploads/"),
    "a query of a megabyte": ([], f"uploads/?file_name={'a' * MIB}"),
    "a path of a megabyte": ([], f"buckets/BUCKET/files/{'a' * MIB}/"),
}


@pytest.mark.parametrize("kind", LONG)
def test_request_that_is_too_long_is_refused(innocent, kind):
    lines, path = LONG[kind]
    assert {status for status, _ in innocent("GET", path, *lines)} <= {400, 414, 431}


HEADERS = {
    "10,000 ranges": ("GET", "buckets/BUCKET/files/a/?proxy=true", f"Range: bytes={'0-0,' * 1500}", "file_not_found"),
    "an idempotency key that is long": ("POST", "uploads/", f"Idempotency-Key: {'k' * 256}", "invalid"),
    "an idempotency key with a space": ("POST", "uploads/", "Idempotency-Key: a b", "invalid"),
    "an empty idempotency key": ("POST", "uploads/", "Idempotency-Key: ", "invalid"),
    "an idempotency key beyond ASCII": ("POST", "uploads/", "Idempotency-Key: é", "invalid"),
    "a token with a line break": ("GET", "uploads/", "Authorization: Token a\r\n b", ""),
    "a token beyond ASCII": ("GET", "uploads/", "Authorization: Token \udcff", "not_authenticated"),
    "a content type of nothing": ("POST", "uploads/", "Content-Type: ", "unsupported_media_type"),
    "a content type with a break": ("POST", "uploads/", "Content-Type: a/b;\0c=d", ""),
    "a date that is none": (
        "GET",
        "buckets/BUCKET/files/a/",
        "If-Modified-Since: 99999999999999999999",
        "file_not_found",
    ),
    "an ETag of quotes": ("GET", "buckets/BUCKET/files/a/", f"If-None-Match: {chr(34) * 4000}", "file_not_found"),
    "any type but JSON": ("GET", "uploads/", "Accept: text/html;q=9e999, */", "not_acceptable"),
}
START = {"bucket": "bucket-of-nobody", "file_name": "a", "size": 1}


@pytest.mark.parametrize("kind", HEADERS)
def test_hostile_headers_are_refused(innocent, kind):
    verb, path, line, code = HEADERS[kind]
    kinds = [] if line.startswith("Content-Type") else [JSON]
    body = json.dumps(START).encode() if verb == "POST" else b""
    assert [received_code for _, received_code in innocent(verb, path, line, *kinds, body=body)] == [code]


NAMES = {
    "..": "..%2f..%2f..%2fetc%2fpasswd",
    "dots": "../../../../etc/passwd",
    "dots encoded twice": "%252e%252e%252f",
    "backslashes": "..%5c..%5cetc",
    "a null byte": "a%00.txt",
    "a line break": "a%0d%0aSet-Cookie:%20x=y",
    "an overlong slash": "..%c0%af..%c0%afetc",
    "half a character": "%ed%a0%80",
    "the right to left": "%e2%80%aetxt.exe",
    "no hex": "%zz%",
    "an absolute path": "%2fetc%2fpasswd",
}
HARMLESS = ("dots encoded twice", "backslashes", "the right to left", "no hex")


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("ending", ["/", "/download/"])
def test_hostile_names_in_the_url_are_refused(innocent, kind, ending):
    came = innocent("GET", f"buckets/BUCKET/files/{NAMES[kind]}{ending}")
    assert came in ([(400, "invalid_file_name")], [(404, "file_not_found")] if kind in HARMLESS else [])


# --- forms -----------------------------------------------------------------------------------------------------------

FILE = part(b"content", name="file", rest='; filename="a.txt"')
FORMS = {
    "10,000 fields": (FORM, form(*(part(b"", name=f"f{number}") for number in range(10_000)), FILE), "invalid"),
    "a field of 5 MiB": (FORM, form(part(b"a" * 5 * MIB, name="bucket"), FILE), "invalid"),
    "1,000 files": (FORM, form(*(part(b"", name="x", rest='; filename="x"') for _ in range(1000))), "invalid"),
    "two files": (FORM, form(part(b"bucket-of-nobody", name="bucket"), FILE, FILE), "invalid"),
    "no boundary": ("Content-Type: multipart/form-data", form(FILE), "invalid"),
    "an empty boundary": ("Content-Type: multipart/form-data; boundary=", form(FILE), "invalid"),
    "another boundary": ("Content-Type: multipart/form-data; boundary=other", form(FILE), "size_mismatch"),
    "a boundary of a kilobyte": (f"Content-Type: multipart/form-data; boundary={'b' * 1000}", form(FILE), "invalid"),
    "a boundary beyond ASCII": ("Content-Type: multipart/form-data; boundary=é", form(FILE), "invalid"),
    "a form in a form": (
        FORM,
        form(
            f"--{BOUNDARY}\r\nContent-Type: multipart/mixed; boundary=inner\r\n\r\n".encode() * 1000,
            b"--inner\r\n\r\n" * 1000,
        ),
        "invalid",
    ),
    "a header of a megabyte in a part": (FORM, form(part(b"c", name="n" * MIB), FILE), "invalid"),
    "no end": (FORM, FILE, "size_mismatch"),
    "nothing": (FORM, b"", "invalid"),
    "only boundaries": (FORM, f"--{BOUNDARY}\r\n".encode() * 20_000, "invalid"),
    "base64 that is none": (
        FORM,
        form(part(b"a\xff", name="bucket", rest="\r\nContent-Transfer-Encoding: base64"), FILE),
        "invalid_bucket_name",
    ),
    "a charset of nobody": (f"{FORM}; charset=x-nobody", form(part(b"a", name="bucket"), FILE), "invalid_bucket_name"),
    "half a character": (FORM, form(part(b"\xed\xa0\x80", name="bucket"), FILE), "invalid_bucket_name"),
    "a null byte": (FORM, form(part(b"a\x00b", name="bucket"), FILE), "invalid"),
}
NAMED = {
    "a path": '; filename="../../etc/passwd"',
    "a line break": '; filename="a%0d%0aX: y"',
    "a quote": '; filename="a\\"; name=\\"bucket"',
    "extended": "; filename*=utf-8''..%2f..%2fetc",
    "a charset of nobody": "; filename*=x-nobody''a.txt",
    "half a character": "; filename*=utf-8''%ed%a0%80",
    "a megabyte": f'; filename="{"a" * MIB}"',
    "nothing": '; filename=""',
    "only dots": '; filename=".."',
}


@pytest.mark.parametrize("kind", FORMS)
def test_hostile_forms_are_refused(innocent, kind):
    line, body, code = FORMS[kind]
    assert [received_code for _, received_code in innocent("POST", "file/upload/", line, body=body)] == [code]


@pytest.mark.parametrize("kind", NAMED)
def test_hostile_names_in_a_form_are_refused(innocent, kind):
    """Only the shape of the response matters, because the bucket does not exist."""
    body = form(part(b"bucket-of-nobody", name="bucket"), part(b"content", name="file", rest=NAMED[kind]))
    ((status, code),) = innocent("POST", "file/upload/", FORM, body=body)
    assert status in (400, 404)
    assert code in ("invalid", "invalid_file_name", "bucket_not_found")


# --- JSON ------------------------------------------------------------------------------------------------------------

PARTS = "uploads/0f8b2c1e-5d3a-4a57-9a43-6f1c2f7f0a11/parts/"
BOMBS = {
    "a deep list": ("uploads/", b"[" * 100_000, "invalid"),
    "a deep object": ("uploads/", b'{"a":' * 100_000, "invalid"),
    "a deep list in a field": ("uploads/", b'{"bucket": ' + b"[" * 900 + b"]" * 900 + b"}", "invalid"),
    "a size of 10,000 digits": (
        "uploads/",
        b'{"bucket": "bbb", "file_name": "a", "size": ' + b"9" * 10_000 + b"}",
        "invalid",
    ),
    "a size of 1e308": ("uploads/", b'{"bucket": "bbb", "file_name": "a", "size": 1e308}', "invalid"),
    "a size of infinity": ("uploads/", b'{"bucket": "bbb", "file_name": "a", "size": 1e999}', "invalid"),
    "no number": ("uploads/", b'{"bucket": "bbb", "file_name": "a", "size": NaN}', "invalid"),
    "a size beyond 64 bits": (
        "uploads/",
        b'{"bucket": "bbb", "file_name": "a", "size": 18446744073709551616}',
        "file_too_large",
    ),
    "the same name twice": ("uploads/", b'{"size": 1, "size": -1, "bucket": "bbb", "file_name": "a"}', "invalid"),
    "half a character": ("uploads/", b'{"bucket": "\\ud800", "file_name": "a", "size": 1}', "invalid"),
    "half a character in a name": (
        "uploads/",
        b'{"bucket": "bbb", "file_name": "\\ud800", "size": 1}',
        "invalid",
    ),
    "a null byte": ("uploads/", b'{"bucket": "bbb", "file_name": "a\\u0000b", "size": 1}', "invalid"),
    "no UTF-8": ("uploads/", b'{"bucket": "\xff"}', "invalid"),
    "UTF-16": ("uploads/", '{"bucket": "bbb"}'.encode("utf-16"), "invalid"),
    "a text": ("uploads/", b'"bucket"', "invalid"),
    "3 MiB": ("uploads/", b'{"bucket": "' + b"a" * 3 * MIB + b'"}', "invalid"),
    "100,000 parts": (PARTS, json.dumps({"part_numbers": [1] * 100_000}).encode(), "invalid"),
    "parts beyond all numbers": (PARTS, b'{"part_numbers": [' + b"9" * 4000 + b"]}", "upload_not_found"),
    "parts that are lists": (PARTS, json.dumps({"part_numbers": [[1]] * 1000}).encode(), "invalid"),
    "parts of Uppy": (
        "uppy/s3/multipart/a/complete",
        json.dumps({"parts": [{"PartNumber": 0}] * 20_000}).encode(),
        "invalid",
    ),
    "deep metadata": (
        "uppy/s3/multipart",
        b'{"filename": "a", "metadata": {"bucket": ' + b"[" * 900 + b"]" * 900 + b"}}",
        None,
    ),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_hostile_json_is_refused(innocent, kind):
    path, body, code = BOMBS[kind]
    ((status, received_code),) = innocent("POST", path, JSON, body=body)
    assert 400 <= status < 500
    assert received_code == (code or received_code)


# --- under ASGI, a sample --------------------------------------------------------------------------------------------

SAMPLE = {
    "a body that is shorter": (*PUT, ["Content-Length: 50"], b"content", []),
    "a chunk that is none": (*PUT, [CHUNKED], b"zz\r\n", [(400, "")]),
    "no length": (*PUT, [], b"", [(411, "length_required")]),
    "10,000 fields": ("POST", "file/upload/", [FORM], FORMS["10,000 fields"][1], INVALID),
    "a deep list": ("POST", "uploads/", [JSON], b"[" * 100_000, INVALID),
    "a null byte in a name": ("GET", "buckets/BUCKET/files/a%00/", [], b"", [(400, "invalid_file_name")]),
}


@pytest.mark.parametrize("kind", SAMPLE)
def test_hostile_requests_under_asgi_are_refused(transactional_db, servers, store, user, bucket, kind):
    server, (verb, path, lines, body, expected) = servers(ASGI, store), SAMPLE[kind]
    before, token = len(server.log), f"Authorization: {token_of(user)}"
    lying = any(line.startswith(("Content-Length", "Transfer")) for line in lines)
    has_length = not lying and kind != "no length"
    whole = request(verb, path.replace("BUCKET", bucket), token, *lines, body=body, length=has_length)
    # uvicorn drops a connection as soon as the client closes one side.
    assert [shape_of(answer) for answer in answers(server, whole, then_silent=not lying)] == expected
    becomes_true(lambda: left_in(bucket) == [])
    log_check(server.log[before:])
