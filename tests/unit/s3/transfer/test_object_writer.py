import os
import time
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from threading import Event, Thread

import pytest
from botocore.stub import Stubber

from s3_file_uploader.content_types.sniff import SNIFFED_BYTES
from s3_file_uploader.exceptions import (
    BucketNotFound,
    ChecksumMismatch,
    FileExists,
    FileNotFound,
    FileTooLarge,
    SizeMismatch,
)
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.multipart import abort_unfinished_uploads
from s3_file_uploader.s3.part_buffer import PartBuffer
from s3_file_uploader.s3.transfer import object_writer as object_writer_module
from s3_file_uploader.s3.transfer import part_uploader
from s3_file_uploader.s3.transfer.object_writer import PARTS_OF_ONE_SIZE, open_object_writer
from s3_file_uploader.s3.transfer.part_uploader import UPLOADS_WITH_TWO_PARTS, Destination
from s3_file_uploader.values import MAX_PART_BYTES, MAX_PARTS, USUAL_MAX_OBJECT_BYTES, mib

PART = mib(5)


@pytest.fixture(autouse=True)
def small_parts(settings):
    settings.S3_FILE_UPLOADER_PART_SIZE_BYTES = PART


def destination(bucket, may_replace=False):
    return Destination(bucket, "key", "video/mp4", {"upload-claim": "1"}, may_replace)


def send(
    bucket,
    data,
    *,
    size=None,
    at_most=None,
    checksum=None,
    may_replace=False,
    on_progress=lambda: None,
    piece=1_000_003,
):
    with open_object_writer(
        destination=destination(bucket, may_replace), at_most=at_most, on_progress=on_progress
    ) as writer:
        for start in range(0, len(data), piece):
            writer.write(data[start : start + piece])
        return writer.finish(size=size, checksum_sha256=checksum)


def stored(bucket):
    return get_client().get_object(Bucket=bucket, Key="key")


def nothing_is_left(bucket):
    listed = get_client().list_objects_v2(Bucket=bucket)["KeyCount"]
    return listed == 0 and not get_client().list_multipart_uploads(Bucket=bucket).get("Uploads")


@pytest.mark.parametrize(
    ("size", "parts"),
    [(0, None), (1, None), (PART - 1, None), (PART, None), (PART + 1, 2), (2 * PART, 2), (3 * PART + 7, 4)],
)
@pytest.mark.parametrize(("known", "slack", "piece"), [(True, 0, 70_001), (True, 500, PART * 2), (False, 0, mib(1))])
def test_object_writer_any_size_uses_as_few_parts_as_needed(bucket, size, parts, known, slack, piece):
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    sent = send(bucket, data, at_most=size + slack if known else None, piece=piece)
    answer = stored(bucket)
    assert answer["Body"].read() == data
    assert (answer["ContentType"], answer["Metadata"]) == ("video/mp4", {"upload-claim": "1"})
    assert (sent.size, sent.checksum_sha256) == (size, sha256(data).hexdigest())
    assert answer["ETag"].strip('"').partition("-")[2] == (str(parts) if parts else "")
    assert sent.etag == (None if parts else answer["ETag"].strip('"'))


def test_finish_with_the_right_checksum_stores_the_object(bucket):
    data = b"x" * (PART + 1)
    send(bucket, data, checksum=sha256(data).hexdigest())
    assert stored(bucket)["ContentLength"] == len(data)


@pytest.mark.parametrize("size", [10, PART + 10])
def test_finish_with_a_wrong_checksum_stores_nothing(bucket, size):
    with pytest.raises(ChecksumMismatch):
        send(bucket, b"x" * size, checksum="0" * 64)
    assert nothing_is_left(bucket)


@pytest.mark.parametrize("size", [10, PART + 10])
@pytest.mark.parametrize("difference", [-1, 1])
def test_finish_with_another_size_stores_nothing(bucket, size, difference):
    with pytest.raises(SizeMismatch):
        send(bucket, b"x" * size, size=size + difference)
    assert nothing_is_left(bucket)


def test_write_error_of_on_progress_aborts_the_upload(bucket):
    def lost():
        raise FileExists("lost")

    with pytest.raises(FileExists):
        send(bucket, b"x" * (4 * PART), on_progress=lost)
    assert nothing_is_left(bucket)


def test_abort_waits_for_the_parts_in_flight(bucket):
    """S3 may keep a part that arrives after the abort."""
    calls, events = [], get_client(signed_payload=False).meta.events

    def slow(**_):
        time.sleep(0.3)
        calls.append("part")

    def aborted(**_):
        calls.append("abort")

    events.register("before-call.s3.UploadPart", slow)
    get_client().meta.events.register("before-call.s3.AbortMultipartUpload", aborted)
    try:
        with pytest.raises(ChecksumMismatch):
            send(bucket, bytes(2 * PART + 1), checksum="0" * 64)
    finally:
        events.unregister("before-call.s3.UploadPart", slow)
        get_client().meta.events.unregister("before-call.s3.AbortMultipartUpload", aborted)
    assert calls == ["part", "part", "abort"]


def test_finish_over_existing_object_needs_may_replace(bucket):
    for size in (1, PART + 1):
        get_client().put_object(Bucket=bucket, Key="key", Body=b"precious")
        with pytest.raises(FileExists):
            send(bucket, b"x" * size)
        assert stored(bucket)["Body"].read() == b"precious"
        send(bucket, b"x" * size, may_replace=True)
        assert stored(bucket)["ContentLength"] == size


@pytest.mark.parametrize("size", [1, PART + 1])
def test_object_writer_without_the_bucket_is_bucket_not_found(aws, size):
    with pytest.raises(BucketNotFound):
        send("missing-bucket", b"x" * size)


def part_sizes(bucket, at_most, count):
    """Write until so many parts were sent, then give up."""
    sizes = {}

    def note(params, **_):
        sizes[params["query_string"]["partNumber"]] = len(params["body"])

    events = get_client(signed_payload=False).meta.events
    events.register("before-call.s3.UploadPart", note)
    try:
        with open_object_writer(destination=destination(bucket), at_most=at_most, on_progress=lambda: None) as writer:
            while len(sizes) < count:
                writer.write(bytes(PART))
    finally:
        events.unregister("before-call.s3.UploadPart", note)
    assert nothing_is_left(bucket)
    return [sizes[number] for number in range(1, count + 1)]


def test_part_size_of_a_large_file_fits_ten_thousand_parts(bucket):
    assert part_sizes(bucket, PART * MAX_PARTS * 2, 2) == [PART * 2] * 2


def test_part_size_of_an_unknown_size_grows(bucket, monkeypatch):
    monkeypatch.setattr(object_writer_module, "PARTS_OF_ONE_SIZE", 2)
    assert part_sizes(bucket, None, 5) == [PART, PART, PART * 2, PART * 2, PART * 4]


def test_part_size_growth_reaches_the_largest_object():
    sizes = [min(PART << (number // PARTS_OF_ONE_SIZE), MAX_PART_BYTES) for number in range(MAX_PARTS)]
    assert sum(sizes) >= USUAL_MAX_OBJECT_BYTES


def test_write_beyond_the_largest_object_is_refused(bucket, monkeypatch):
    monkeypatch.setattr(object_writer_module, "USUAL_MAX_OBJECT_BYTES", 10)
    with pytest.raises(FileTooLarge):
        send(bucket, b"x" * 11)
    assert nothing_is_left(bucket)


@contextmanager
def watched_parts():
    """Count the parts that are on their way at each moment; each waits until the test lets it go."""
    now, most, go = [], [], Event()

    def begin(**_):
        now.append(1)
        most.append(len(now))
        assert go.wait(10)

    def end(**_):
        now.pop()

    events = get_client(signed_payload=False).meta.events
    events.register_first("before-call.s3.UploadPart", begin)
    events.register("after-call.s3.UploadPart", end)
    try:
        yield now, most, go
    finally:
        go.set()
        events.unregister("before-call.s3.UploadPart", begin)
        events.unregister("after-call.s3.UploadPart", end)


def writing(writer, parts):
    """Write parts from a thread until it has to wait; return it, and what it could hand over."""
    written = []

    def write():
        for _ in range(parts):
            writer.write(bytes(PART))
            written.append(1)

    thread = Thread(target=write)
    thread.start()
    before = -1
    while before != len(written):
        before = len(written)
        time.sleep(0.3)
    return thread, written


def test_write_while_two_parts_are_in_flight_blocks(bucket):
    with (
        watched_parts() as (now, most, go),
        open_object_writer(destination=destination(bucket), at_most=None, on_progress=lambda: None) as writer,
    ):
        thread, written = writing(writer, 8)
        assert (len(now), len(written)) == (2, 3)
        go.set()
        thread.join()
        writer.finish()
    assert max(most) == 2
    assert stored(bucket)["ContentLength"] == 8 * PART


def test_object_writer_any_size_uses_three_buffers(bucket, monkeypatch):
    made = []
    monkeypatch.setattr(object_writer_module, "PartBuffer", lambda size: made.append(PartBuffer(size)) or made[-1])
    content = os.urandom(6 * PART + 1)
    send(bucket, content)
    assert get_client().get_object(Bucket=bucket, Key="key")["Body"].read() == content
    assert len(made) == 3


def test_object_writer_beside_many_others_sends_one_part_at_once(bucket):
    with ExitStack() as others:
        for _ in range(UPLOADS_WITH_TWO_PARTS):
            other = open_object_writer(destination=destination(bucket), at_most=None, on_progress=lambda: None)
            writer = others.enter_context(other)
            writer.write(bytes(PART + 1))
            writer._parts._collect_completed(0)
        with (
            watched_parts() as (now, most, go),
            open_object_writer(destination=destination(bucket), at_most=None, on_progress=lambda: None) as writer,
        ):
            thread, written = writing(writer, 5)
            assert (len(now), len(written)) == (1, 2)
            go.set()
            thread.join()
            writer.finish()
        assert max(most) == 1
    assert part_uploader._second_parts._value == UPLOADS_WITH_TWO_PARTS


@pytest.mark.parametrize("size", [1, PART + 1])
def test_finish_repeated_call_that_meets_its_own_object_succeeds(bucket, size):
    get_client().put_object(Bucket=bucket, Key="key", Body=b"x" * size, Metadata={"upload-claim": "1"})
    assert send(bucket, b"x" * size).size == size


def test_finish_of_an_aborted_upload_stores_nothing(bucket):
    with Stubber(get_client()) as stub, pytest.raises(FileNotFound):
        stub.add_response("create_multipart_upload", {"UploadId": "1"})
        stub.add_client_error("complete_multipart_upload", "NoSuchUpload", http_status_code=404)
        stub.add_client_error("head_object", "404", http_status_code=404)
        stub.add_response("abort_multipart_upload", {})
        with Stubber(get_client(signed_payload=False)) as parts:
            for _ in range(2):
                parts.add_response("upload_part", {"ETag": "e"})
            send("bucket", bytes(PART + 1))


def test_abort_that_fails_does_not_hide_the_first_error():
    parts = Stubber(get_client(signed_payload=False))
    with Stubber(get_client()) as stub, parts, pytest.raises(BucketNotFound):
        stub.add_response("create_multipart_upload", {"UploadId": "1"})
        parts.add_client_error("upload_part", "NoSuchBucket", http_status_code=404)
        parts.add_client_error("upload_part", "NoSuchBucket", http_status_code=404)
        stub.add_client_error("abort_multipart_upload", "SlowDown", http_status_code=503)
        send("bucket", b"x" * (PART + 1))


def test_abort_unfinished_uploads_aborts_those_of_this_key_only(bucket):
    for key in ("key", "key", "key-of-another"):
        get_client().create_multipart_upload(Bucket=bucket, Key=key)
    abort_unfinished_uploads(bucket=bucket, key="key")
    left = get_client().list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [upload["Key"] for upload in left] == ["key-of-another"]
    abort_unfinished_uploads(bucket="missing-bucket", key="key")


@pytest.mark.parametrize("size", [0, 7, SNIFFED_BYTES, PART, PART + 1])
@pytest.mark.parametrize("piece", [100, mib(1)])
def test_object_writer_before_first_part_shows_the_head_once(bucket, size, piece):
    data, heads = os.urandom(min(size, SNIFFED_BYTES)).ljust(size, b"x"), []
    writer = open_object_writer(
        destination=destination(bucket),
        at_most=None,
        on_progress=lambda: None,
        on_head=lambda head: heads.append(head) or "text/x",
    )
    with writer as opened:
        for start in range(0, min(size, 2 * SNIFFED_BYTES), piece):
            opened.write(data[start : min(start + piece, 2 * SNIFFED_BYTES)])
        opened.write(data[2 * SNIFFED_BYTES :])
        opened.finish(size=size)
    assert (stored(bucket)["Body"].read(), stored(bucket)["ContentType"]) == (data, "text/x")
    assert heads == [data[:SNIFFED_BYTES]]
