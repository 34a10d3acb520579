import os
from contextlib import closing

import pytest

from s3_file_uploader.embedded import free_port
from s3_file_uploader.exceptions import StorageNotConfigured
from s3_file_uploader.s3.transfer import range_reader
from s3_file_uploader.s3.transfer.range_reader import RangeReader
from tests.support.answering import AnsweringServer

CONTENT = os.urandom(250_000)
SIZE = len(CONTENT)
RIGHT = (206, {"ETag": '"0123"'})


@pytest.fixture
def store(settings, monkeypatch):
    monkeypatch.setattr(range_reader, "CHUNK_BYTES", 100_000)
    with AnsweringServer({"GET": RIGHT}) as server:
        server.content = CONTENT
        settings.AWS_S3_ENDPOINT_URL = server.url
        yield server


@pytest.fixture
def reader(store):
    with closing(RangeReader(bucket="bucket-one", key="a b", etag="0123")) as reader:
        yield reader


def read(reader, start=0, stop=SIZE):
    return [bytes(piece) for piece in reader.pieces(start=start, stop=stop)]


def test_ranges_come_piece_by_piece_over_one_connection(store, reader):
    for start in (0, 1_000_000):
        pieces = read(reader, start, start + SIZE)
        assert [len(piece) for piece in pieces] == [100_000, 100_000, 50_000]
        assert b"".join(pieces) == CONTENT
    assert store.connected == 1
    (method, path, headers), (_, _, second) = store.asked
    assert (method, path) == ("GET", "/bucket-one/a%20b")
    assert (headers["range"], second["range"]) == ("bytes=0-249999", "bytes=1000000-1249999")
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=test-access-key/")


def test_each_piece_takes_the_place_of_the_one_before(reader):
    first, second, _ = list(reader.pieces(start=0, stop=SIZE))
    assert first.obj is second.obj
    assert bytes(second[:50_000]) == CONTENT[-50_000:]


@pytest.mark.parametrize("answer", [(206, {"ETag": '"4567"'}), (206, {}), (200, {"ETag": '"0123"'}), (503, {})])
def test_any_other_answer_is_none(store, reader, answer):
    store.answers = {"GET": answer}
    assert read(reader) == []
    store.answers = {"GET": RIGHT}
    assert b"".join(read(reader)) == CONTENT
    assert store.connected == 2


def test_what_breaks_off_ends_there(store, reader):
    store.answers = {"GET": (206, {"ETag": '"0123"', "Content-Length": str(SIZE + 1)})}
    assert b"".join(read(reader, 0, SIZE + 1)) == CONTENT
    store.answers = {"GET": RIGHT}
    assert b"".join(read(reader)) == CONTENT
    assert store.connected == 2


def test_what_is_left_half_read_does_not_come_with_the_next(store, reader):
    with closing(reader.pieces(start=0, stop=SIZE)) as pieces:
        assert bytes(next(pieces)) == CONTENT[:100_000]
    assert b"".join(read(reader)) == CONTENT
    assert store.connected == 2


def test_where_nobody_listens_there_is_nothing(reader, settings):
    settings.AWS_S3_ENDPOINT_URL = f"http://127.0.0.1:{free_port()}"
    assert read(reader) == []


def test_who_answers_too_late_is_not_waited_for(store, reader, settings):
    settings.S3_FILE_UPLOADER_READ_TIMEOUT_SECONDS = 0.2
    store.rests_before_answer = 2
    assert read(reader) == []


def test_who_has_hung_up_is_given_as_long_to_answer_again(store, reader, settings):
    settings.S3_FILE_UPLOADER_CONNECT_TIMEOUT_SECONDS = 0.2
    store.answers = {"GET": (206, {"ETag": '"0123"', "Connection": "close"})}
    assert b"".join(read(reader)) == CONTENT
    store.rests_before_answer = 1
    assert b"".join(read(reader)) == CONTENT
    assert store.connected == 2


def test_what_comes_in_chunks_ends_with_the_last_of_them(store, reader):
    store.answers = {"GET": (206, {"ETag": '"0123"', "Transfer-Encoding": "chunked"})}
    assert [b"".join(read(reader)) for _ in range(3)] == [CONTENT] * 3
    assert store.connected == 1


def test_more_than_was_asked_for_does_not_come_with_the_next(store, reader):
    assert b"".join(read(reader, 0, SIZE - 1)) == CONTENT[:-1]
    assert b"".join(read(reader)) == CONTENT
    assert store.connected == 2


def test_the_host_is_named_as_it_was_signed(store, reader, settings):
    settings.AWS_S3_ENDPOINT_URL = store.url.replace("127.0.0.1", "LocalHost")
    assert b"".join(read(reader)) == CONTENT
    assert store.asked[0][2]["Host"].partition(":")[0] == "localhost"


def test_aws_is_left_to_boto3(store, reader, settings):
    settings.AWS_S3_ENDPOINT_URL = ""
    assert read(reader) == []
    assert store.asked == []


def test_half_a_pair_of_keys_is_said(reader, settings):
    settings.AWS_ACCESS_KEY_ID = ""
    with pytest.raises(StorageNotConfigured):
        read(reader)


def test_certificates_are_checked_as_boto3_does(store, reader, settings, certificate, monkeypatch):
    certificate.serve(store)
    settings.AWS_S3_ENDPOINT_URL = store.url.replace("http", "https")
    assert read(reader) == []
    assert store.asked == []
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.path))
    assert b"".join(read(reader)) == CONTENT
