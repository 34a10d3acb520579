"""Requests with random errors: bytes are changed, left out or doubled."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import FUZZ_INPUTS
from tests.integration.conftest import token_of
from tests.support.fuzzed import inputs_counted, log_check
from tests.support.raw import FORM, JSON, answers, form, part, request, shape_of

PLACE = "bucket-of-nobody"
SEEDS = {
    "form": (
        *("POST", "file/upload/", FORM),
        form(part(PLACE.encode(), name="bucket"), part(b"content", name="file", rest='; filename="a.txt"')),
    ),
    "raw": ("PUT", f"buckets/{PLACE}/files/a.txt/", "Content-Type: text/plain", b"content"),
    "chunks": (
        "PUT",
        f"buckets/{PLACE}/files/a.txt/",
        "Transfer-Encoding: chunked",
        b"3\r\ncon\r\n4\r\ntent\r\n0\r\n\r\n",
    ),
    "json": ("POST", "uploads/", JSON, b'{"bucket": "bucket-of-nobody", "file_name": "a", "size": 7, "part": [1e5]}'),
    "uppy": ("POST", "uppy/sign", JSON, b'{"method": "POST", "key": "a.txt"}'),
    "range": ("GET", f"buckets/{PLACE}/files/a.txt/?proxy=true", "Range: bytes=0-3,5-", b""),
}
TRICKS = [
    *(
        b"",
        b"\x00",
        b"\r\n",
        b"\n",
        b"\r\n\r\n",
        b"--test-boundary",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"../",
        b"%00",
        b"%0d%0a",
    ),
    *(
        b"99999999999999999999",
        b"-1",
        b"0x1",
        b";",
        b'"',
        b"\\",
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
    ),
]
changes = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 40), st.one_of(st.sampled_from(TRICKS), st.binary(max_size=12))),
    min_size=1,
    max_size=4,
)


def changed(sent, how):
    """Replace some bytes at places that are given as fractions of the whole."""
    for where, length, other in how:
        start = int(where * len(sent))
        sent = sent[:start] + other + sent[start + length :]
    return sent


@pytest.fixture
def tried(transactional_db, served_for_uppy):
    """Count the inputs, and check the log at the end."""
    before, inputs = len(served_for_uppy.log), []
    yield inputs
    log_check(served_for_uppy.log[before:])
    inputs_counted("bytes", len(inputs))


@pytest.mark.parametrize("seed", SEEDS)
def test_damaged_requests_are_refused(served_for_uppy, user, tried, seed):
    verb, path, line, body = SEEDS[seed]
    chunked = "chunked" in line
    whole = request(verb, path, line, f"Authorization: {token_of(user)}", body=body, length=not chunked)

    @settings(max_examples=FUZZ_INPUTS or 25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(changes)
    def answered(how):
        tried.append(how)
        for answer in answers(served_for_uppy, changed(whole, how)):
            status, _ = shape_of(answer)
            assert status < 500 or status == 501, answer  # gunicorn responds 501 to an unknown transfer coding.

    answered()
