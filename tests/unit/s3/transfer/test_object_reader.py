import errno
import os
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from time import sleep

import pytest
from botocore.exceptions import ReadTimeoutError

from s3_file_uploader.conf import conf
from s3_file_uploader.exceptions import FileNotFound, StorageError, StorageTimeout, StorageUnavailable
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.transfer import object_reader
from s3_file_uploader.s3.transfer.object_reader import object_fetch, object_read
from tests.support.answering import AnsweringServer

CONTENT = bytes(range(256)) * 5000
SIZE = len(CONTENT)


@pytest.fixture
def etag(bucket, monkeypatch):
    monkeypatch.setattr(object_reader, "CHUNK_BYTES", 100_000)
    monkeypatch.setattr(object_reader, "RANGE_BYTES", 300_000)
    return get_client().put_object(Bucket=bucket, Key="key", Body=CONTENT)["ETag"].strip('"')


def read(bucket, etag, start=0, stop=SIZE):
    return object_read(bucket=bucket, key="key", etag=etag, start=start, stop=stop)


class Breaking:
    """A body that breaks off after some reads."""

    def __init__(self, body, reads):
        self._body, self._left = body, reads
        self.close = body.close

    def read(self, size):
        if not self._left:
            raise ReadTimeoutError(endpoint_url="http://store")
        self._left -= 1
        return self._body.read(size)


@pytest.fixture
def breaks():
    """Let bodies break off after so many reads, in turn; those without a number are whole."""
    events, after, asked = get_client().meta.events, [], []

    def wrap(parsed, **_):
        if after and (reads := after.pop(0)) is not None:
            parsed["Body"] = Breaking(parsed["Body"], reads)

    def note(params, **_):
        sleep(0.001)  # As any store takes its time: moto would keep other threads from running.
        asked.append(params["headers"]["Range"])

    events.register("after-call.s3.GetObject", wrap)
    events.register("before-call.s3.GetObject", note)
    yield after, asked
    events.unregister("after-call.s3.GetObject", wrap)
    events.unregister("before-call.s3.GetObject", note)


@pytest.mark.parametrize(("start", "stop"), [(0, len(CONTENT)), (7, 8), (5, 200_000), (3, 3)])
def test_any_range_in_pieces(bucket, etag, start, stop):
    pieces = list(read(bucket, etag, start, stop))
    assert b"".join(pieces) == CONTENT[start:stop]
    assert all(len(piece) <= 100_000 for piece in pieces)


def test_what_breaks_off_is_asked_for_from_there(bucket, etag, breaks):
    after, asked = breaks
    after += [2, 1, 0, 3]
    assert b"".join(read(bucket, etag)) == CONTENT
    end = len(CONTENT) - 1
    assert asked == [f"bytes={start}-{end}" for start in (0, 200_000, 300_000, 300_000, 600_000)]


def test_what_breaks_off_without_a_byte_again_and_again_is_given_up(bucket, etag, breaks):
    after, asked = breaks
    after += [0] * conf.max_attempts
    with pytest.raises(StorageTimeout):
        list(read(bucket, etag))
    assert len(asked) == conf.max_attempts


def test_other_bytes_than_were_stored(bucket, etag):
    get_client().put_object(Bucket=bucket, Key="key", Body=CONTENT[::-1])
    with pytest.raises(StorageError, match="other bytes"):
        next(read(bucket, etag))


def test_who_reads_no_further_ends_the_call(bucket, etag, monkeypatch):
    bodies, opened = [], object_reader._opened
    monkeypatch.setattr(object_reader, "_opened", lambda *asked: bodies.append(opened(*asked)) or bodies[-1])
    with closing(read(bucket, etag)) as chunks:
        next(chunks)
        assert not bodies[0]._raw_stream.closed
    assert bodies[0]._raw_stream.closed


@pytest.fixture
def odd_store(settings):
    """Return a store that answers as a test wants, here with the whole file of four bytes."""
    with AnsweringServer({"GET": (206, {"ETag": '"0123"'})}) as server:
        server.content, settings.AWS_S3_ENDPOINT_URL = b"0123", server.url
        settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 2
        yield server


def test_a_store_that_gives_the_whole_file_for_a_range(odd_store):
    odd_store.answers = {"GET": (200, {"ETag": '"0123"'})}
    assert b"".join(read("bucket-one", "0123", 0, 2)) == b"01"
    with pytest.raises(StorageError, match="another range"):
        next(read("bucket-one", "0123", 1, 4))


def test_another_range_than_was_asked_for(odd_store):
    odd_store.answers = {"GET": (206, {"ETag": '"0123"', "Content-Range": "bytes 1-4/10"})}
    assert b"".join(read("bucket-one", "0123", 1, 5)) == b"0123"
    with pytest.raises(StorageError, match="another range"):
        next(read("bucket-one", "0123", 2, 6))


def test_a_store_without_etags(odd_store):
    odd_store.answers = {"GET": (206, {})}
    with pytest.raises(StorageError, match="other bytes"):
        next(read("bucket-one", "0123", 0, 4))


def test_a_store_that_gives_nothing_is_given_up(odd_store):
    odd_store.content = b""
    with pytest.raises(StorageUnavailable, match="before the file was whole"):
        next(read("bucket-one", "0123", 0, 4))
    assert len(odd_store.asked) == 2


def test_a_store_that_gives_less_is_asked_for_the_rest(odd_store):
    odd_store.answers = {"GET": [(206, {"ETag": '"0123"', "Content-Range": f"bytes {start}-9/10"}) for start in (0, 4)]}
    assert b"".join(read("bucket-one", "0123", 0, 8)) == b"01230123"


@pytest.mark.parametrize("status", [429, 503])
def test_a_store_that_is_busy_is_asked_as_often_as_the_settings_say(odd_store, status):
    odd_store.answers = {"GET": (status, {})}
    with pytest.raises(StorageUnavailable):
        next(read("bucket-one", "0123", 0, 4))
    assert len(odd_store.asked) == 2


def test_nothing_there(bucket):
    with pytest.raises(FileNotFound):
        next(read(bucket, "etag"))


def fetch(bucket, etag, path, size=SIZE):
    with path.open("w+b") as file:
        return object_fetch(bucket=bucket, key="key", etag=etag, size=size, file=file)


def test_a_file_is_fetched_by_ranges(bucket, etag, breaks, tmp_path):
    _, asked = breaks
    assert fetch(bucket, etag, tmp_path / "file") == sha256(CONTENT).hexdigest()
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert len(asked) == -(-len(CONTENT) // 300_000)


def test_what_was_hashed_goes_to_the_disk_and_out_of_memory(bucket, etag, tmp_path, monkeypatch):
    monkeypatch.setattr(object_reader, "ADVISED_BYTES", 200_000)
    advised = []
    monkeypatch.setattr(os, "posix_fadvise", lambda _file, start, size, _advice: advised.append((start, size)))
    fetch(bucket, etag, tmp_path / "file")
    steps = [0, 1, 2, 0, 3, 1, 4, 2, 5, 3]  # Each twice: dirty pages are written at first, and forgotten later.
    assert advised == [(step * 200_000, 200_000) for step in steps]


def test_an_empty_file(bucket, tmp_path):
    assert fetch(bucket, "", tmp_path / "file", size=0) == sha256().hexdigest()


def test_a_range_that_fails_ends_the_others(bucket, etag, breaks, tmp_path, monkeypatch):
    monkeypatch.setattr(object_reader, "RANGE_BYTES", 1_000)
    _, asked = breaks
    with pytest.raises(StorageError):
        fetch(bucket, "another", tmp_path / "file")
    assert len(asked) < len(CONTENT) // 1_000


def test_a_disk_that_is_full(bucket, etag):
    with pytest.raises(OSError, match="No space left"):
        fetch(bucket, etag, Path("/dev/full"))


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EINVAL])
def test_a_file_system_that_sets_no_room_aside(bucket, etag, tmp_path, monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    assert fetch(bucket, etag, tmp_path / "file") == sha256(CONTENT).hexdigest()


def test_a_disk_without_room_for_all_of_it_is_found_before_a_byte_comes(bucket, etag, breaks, tmp_path):
    """No disk has so much, and no file system a file of that size."""
    _, asked = breaks
    with pytest.raises(OSError, match=r"No space left|File too large"):
        fetch(bucket, etag, tmp_path / "file", size=2**62)
    assert asked == []


class ShortReader:
    """Brings a little of each range."""

    def __init__(self, **_):
        self.closed = False

    def pieces(self, *, start, stop):
        yield memoryview(CONTENT[start : start + 70_000])
        yield memoryview(CONTENT[start + 70_000 : min(start + 90_000, stop)])

    def close(self):
        self.closed = True


def test_boto3_is_asked_for_what_a_range_is_short_of(bucket, etag, breaks, tmp_path, monkeypatch):
    _, asked = breaks
    monkeypatch.setattr(object_reader, "RangeReader", ShortReader)
    assert fetch(bucket, etag, tmp_path / "file") == sha256(CONTENT).hexdigest()
    starts = range(0, SIZE, 300_000)
    assert sorted(asked) == sorted(
        f"bytes={start + 90_000}-{min(start + 300_000, SIZE) - 1}" for start in starts if start + 90_000 < SIZE
    )
