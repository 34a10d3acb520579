from contextlib import closing
from hashlib import sha256
from itertools import cycle

import pytest
from botocore.exceptions import ReadTimeoutError
from urllib3.exceptions import SSLError

from s3_file_uploader.conf import conf
from s3_file_uploader.exceptions import FileNotFound, StorageError, StorageTimeout, StorageUnavailable
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.transfer import object_reader
from s3_file_uploader.s3.transfer.object_reader import hash_object, read_object
from tests.support.answering import AnsweringServer

CONTENT = bytes(range(256)) * 5000
SIZE = len(CONTENT)


@pytest.fixture
def etag(bucket, monkeypatch):
    monkeypatch.setattr(object_reader, "CHUNK_BYTES", 100_000)
    return get_client().put_object(Bucket=bucket, Key="key", Body=CONTENT)["ETag"].strip('"')


def read(bucket, etag, start=0, stop=SIZE):
    return read_object(bucket=bucket, key="key", etag=etag, start=start, stop=stop)


class Breaking:
    """A response body that breaks off after some reads."""

    def __init__(self, body, reads, error):
        self._body, self._left, self._error = body, reads, error
        self.close = body.close

    def read(self, size):
        if not self._left:
            raise self._error
        self._left -= 1
        return self._body.read(size)


@pytest.fixture
def breaks():
    """Let each response break off after a number of reads; None leaves it whole."""
    events, after, ranges = get_client().meta.events, [], []
    errors = cycle((ReadTimeoutError(endpoint_url="http://store"), SSLError("bad record mac")))

    def wrap(parsed, **_):
        if after and (reads := after.pop(0)) is not None:
            parsed["Body"] = Breaking(parsed["Body"], reads, next(errors))

    def note(params, **_):
        ranges.append(params["headers"]["Range"])

    events.register("after-call.s3.GetObject", wrap)
    events.register("before-call.s3.GetObject", note)
    yield after, ranges
    events.unregister("after-call.s3.GetObject", wrap)
    events.unregister("before-call.s3.GetObject", note)


@pytest.mark.parametrize(("start", "stop"), [(0, len(CONTENT)), (7, 8), (5, 200_000), (3, 3)])
def test_read_object_any_range_comes_in_chunks(bucket, etag, start, stop):
    pieces = list(read(bucket, etag, start, stop))
    assert b"".join(pieces) == CONTENT[start:stop]
    assert all(len(piece) <= 100_000 for piece in pieces)


def test_read_object_response_that_breaks_off_is_continued_there(bucket, etag, breaks):
    after, ranges = breaks
    after += [2, 1, 0, 3]
    assert b"".join(read(bucket, etag)) == CONTENT
    end = len(CONTENT) - 1
    assert ranges == [f"bytes={start}-{end}" for start in (0, 200_000, 300_000, 300_000, 600_000)]


def test_read_object_without_progress_retries_up_to_max_attempts(bucket, etag, breaks):
    after, ranges = breaks
    after += [0] * conf.max_attempts
    with pytest.raises(StorageTimeout):
        list(read(bucket, etag))
    assert len(ranges) == conf.max_attempts


def test_read_object_replaced_object_is_a_storage_error(bucket, etag):
    get_client().put_object(Bucket=bucket, Key="key", Body=CONTENT[::-1])
    with pytest.raises(StorageError, match="other bytes"):
        next(read(bucket, etag))


def test_read_object_closed_early_closes_the_response(bucket, etag, monkeypatch):
    bodies, opened = [], object_reader._open_range
    monkeypatch.setattr(object_reader, "_open_range", lambda *where: bodies.append(opened(*where)) or bodies[-1])
    with closing(read(bucket, etag)) as chunks:
        next(chunks)
        assert not bodies[0]._raw_stream.closed
    assert bodies[0]._raw_stream.closed


@pytest.fixture
def odd_store(settings):
    """Return a server that answers as a test wants, with four bytes by default."""
    with AnsweringServer({"GET": (206, {"ETag": '"0123"'})}) as server:
        server.content, settings.AWS_S3_ENDPOINT_URL = b"0123", server.url
        settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 2
        yield server


def test_read_object_store_that_ignores_range_is_a_storage_error(odd_store):
    odd_store.answers = {"GET": (200, {"ETag": '"0123"'})}
    assert b"".join(read("bucket-one", "0123", 0, 2)) == b"01"
    with pytest.raises(StorageError, match="another range"):
        next(read("bucket-one", "0123", 1, 4))


def test_read_object_other_range_is_a_storage_error(odd_store):
    odd_store.answers = {"GET": (206, {"ETag": '"0123"', "Content-Range": "bytes 1-4/10"})}
    assert b"".join(read("bucket-one", "0123", 1, 5)) == b"0123"
    with pytest.raises(StorageError, match="another range"):
        next(read("bucket-one", "0123", 2, 6))


def test_read_object_response_without_an_etag_is_a_storage_error(odd_store):
    odd_store.answers = {"GET": (206, {})}
    with pytest.raises(StorageError, match="other bytes"):
        next(read("bucket-one", "0123", 0, 4))


def test_read_object_empty_responses_are_unavailable(odd_store):
    odd_store.content = b""
    with pytest.raises(StorageUnavailable, match="before the file was whole"):
        next(read("bucket-one", "0123", 0, 4))
    assert len(odd_store.requests) == 2


def test_read_object_short_response_is_continued(odd_store):
    odd_store.answers = {"GET": [(206, {"ETag": '"0123"', "Content-Range": f"bytes {start}-9/10"}) for start in (0, 4)]}
    assert b"".join(read("bucket-one", "0123", 0, 8)) == b"01230123"


@pytest.mark.parametrize("status", [429, 503])
def test_read_object_of_busy_store_retries_up_to_max_attempts(odd_store, status):
    odd_store.answers = {"GET": (status, {})}
    with pytest.raises(StorageUnavailable):
        next(read("bucket-one", "0123", 0, 4))
    assert len(odd_store.requests) == 2


def test_read_object_without_an_object_is_file_not_found(bucket):
    with pytest.raises(FileNotFound):
        next(read(bucket, "etag"))


@pytest.mark.parametrize("framing", [{}, {"Transfer-Encoding": "chunked"}])
def test_read_object_after_a_stopped_read_returns_its_own_bytes(odd_store, framing):
    odd_store.answers = {"GET": (206, {"ETag": '"0123"', **framing})}
    for _ in range(3):
        with closing(read("bucket-one", "0123", 0, 4)) as chunks:
            assert next(chunks) == b"0123"
        assert b"".join(read("bucket-one", "0123", 0, 2)) == b"01"  # The store sends more than it was asked for.
        assert b"".join(read("bucket-one", "0123", 0, 4)) == b"0123"


def test_read_object_from_a_silent_store_is_a_timeout(odd_store, settings):
    settings.S3_FILE_UPLOADER_READ_TIMEOUT_SECONDS = 0.2
    odd_store.rests_before_answer = 2
    with pytest.raises(StorageTimeout):
        next(read("bucket-one", "0123", 0, 4))
    assert len(odd_store.requests) == 2


def test_hash_object_reads_the_object_in_chunks(bucket, etag):
    calls = []
    checksum = hash_object(bucket=bucket, key="key", etag=etag, size=SIZE, on_progress=lambda: calls.append(SIZE))
    assert checksum == sha256(CONTENT).hexdigest()
    assert len(calls) == -(-SIZE // 100_000)
