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
from s3_file_uploader.s3.multipart import multipart_debris_remove
from s3_file_uploader.s3.part_buffer import PartBuffer
from s3_file_uploader.s3.transfer import object_writer as object_writer_module
from s3_file_uploader.s3.transfer import part_uploader
from s3_file_uploader.s3.transfer.object_writer import PARTS_OF_ONE_SIZE, object_writer
from s3_file_uploader.s3.transfer.part_uploader import UPLOADS_WITH_TWO_PARTS, Destination
from s3_file_uploader.values import MAX_OBJECT_BYTES, MAX_PART_BYTES, MAX_PARTS, mib

PART = mib(7)


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
    with object_writer(
        destination=destination(bucket, may_replace), at_most=at_most, on_progress=on_progress
    ) as writer:
        for start in range(0, len(data), piece):
            writer.write(data[start : start + piece])
        return writer.finish(size=size, checksum_sha256=checksum)


def taken(bucket, data, **options):
    """Send a file that lies whole in a buffer."""
    body = PartBuffer(max(len(data), 1))
    body.write(data)
    with object_writer(
        destination=destination(bucket), at_most=len(data), on_progress=lambda: None, **options
    ) as writer:
        writer.take(body)
        return writer.finish(size=len(data), checksum_sha256=None)


def receive(bucket, data, piece=700_001):
    """Send bytes that are read straight into the room of a part."""
    rest = memoryview(data)

    def read_into(room):
        nonlocal rest
        received = min(len(room), piece, len(rest))
        room[:received], rest = rest[:received], rest[received:]
        return received

    with object_writer(destination=destination(bucket), at_most=len(data), on_progress=lambda: None) as writer:
        writer.receive(read_into, len(data))
        return writer.finish(size=len(data))


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
def test_the_bytes_arrive_and_one_part_is_never_a_multipart(bucket, size, parts, known, slack, piece):
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    sent = send(bucket, data, at_most=size + slack if known else None, piece=piece)
    answer = stored(bucket)
    assert answer["Body"].read() == data
    assert (answer["ContentType"], answer["Metadata"]) == ("video/mp4", {"upload-claim": "1"})
    assert (sent.size, sent.checksum_sha256) == (size, sha256(data).hexdigest())
    assert answer["ETag"].strip('"').partition("-")[2] == (str(parts) if parts else "")
    assert sent.etag == (None if parts else answer["ETag"].strip('"'))


def test_a_right_checksum_is_stored(bucket):
    data = b"x" * (PART + 1)
    send(bucket, data, checksum=sha256(data).hexdigest())
    assert stored(bucket)["ContentLength"] == len(data)


@pytest.mark.parametrize("size", [10, PART + 10])
def test_a_wrong_checksum_stores_nothing(bucket, size):
    with pytest.raises(ChecksumMismatch):
        send(bucket, b"x" * size, checksum="0" * 64)
    assert nothing_is_left(bucket)


@pytest.mark.parametrize("size", [10, PART + 10])
@pytest.mark.parametrize("difference", [-1, 1])
def test_another_number_of_bytes_than_announced_stores_nothing(bucket, size, difference):
    with pytest.raises(SizeMismatch):
        send(bucket, b"x" * size, size=size + difference)
    assert nothing_is_left(bucket)


def test_what_progress_raises_ends_the_upload_without_debris(bucket):
    def lost():
        raise FileExists("lost")

    with pytest.raises(FileExists):
        send(bucket, b"x" * (4 * PART), on_progress=lost)
    assert nothing_is_left(bucket)


def test_the_abort_waits_for_the_parts_on_their_way(bucket):
    """S3 may keep a part that arrives after the abort."""
    told, events = [], get_client(signed_payload=False).meta.events

    def slow(**_):
        time.sleep(0.3)
        told.append("part")

    def aborted(**_):
        told.append("abort")

    events.register("before-call.s3.UploadPart", slow)
    get_client().meta.events.register("before-call.s3.AbortMultipartUpload", aborted)
    try:
        with pytest.raises(ChecksumMismatch):
            send(bucket, bytes(2 * PART + 1), checksum="0" * 64)
    finally:
        events.unregister("before-call.s3.UploadPart", slow)
        get_client().meta.events.unregister("before-call.s3.AbortMultipartUpload", aborted)
    assert told == ["part", "part", "abort"]


def test_what_is_there_is_not_replaced_unless_wanted(bucket):
    for size in (1, PART + 1):
        get_client().put_object(Bucket=bucket, Key="key", Body=b"precious")
        with pytest.raises(FileExists):
            send(bucket, b"x" * size)
        assert stored(bucket)["Body"].read() == b"precious"
        send(bucket, b"x" * size, may_replace=True)
        assert stored(bucket)["ContentLength"] == size


@pytest.mark.parametrize("size", [1, PART + 1])
def test_a_bucket_that_is_not_there(aws, size):
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
        with object_writer(destination=destination(bucket), at_most=at_most, on_progress=lambda: None) as writer:
            while len(sizes) < count:
                writer.write(bytes(PART))
    finally:
        events.unregister("before-call.s3.UploadPart", note)
    assert nothing_is_left(bucket)
    return [sizes[number] for number in range(1, count + 1)]


def test_parts_are_as_large_as_ten_thousand_of_them_must_be(bucket):
    assert part_sizes(bucket, PART * MAX_PARTS * 2, 2) == [PART * 2] * 2


def test_parts_of_a_file_of_unknown_size_grow(bucket, monkeypatch):
    monkeypatch.setattr(object_writer_module, "PARTS_OF_ONE_SIZE", 2)
    assert part_sizes(bucket, None, 5) == [PART, PART, PART * 2, PART * 2, PART * 4]


def test_grown_parts_make_room_for_the_largest_object():
    sizes = [min(PART << (number // PARTS_OF_ONE_SIZE), MAX_PART_BYTES) for number in range(MAX_PARTS)]
    assert sum(sizes) >= MAX_OBJECT_BYTES


def test_more_than_s3_keeps_is_refused_before_it_is_read(bucket, monkeypatch):
    monkeypatch.setattr(object_writer_module, "MAX_OBJECT_BYTES", 10)
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


def test_the_sender_waits_while_two_parts_are_on_their_way(bucket):
    with (
        watched_parts() as (now, most, go),
        object_writer(destination=destination(bucket), at_most=None, on_progress=lambda: None) as writer,
    ):
        thread, written = writing(writer, 8)
        assert (len(now), len(written)) == (2, 3)
        go.set()
        thread.join()
        writer.finish()
    assert max(most) == 2
    assert stored(bucket)["ContentLength"] == 8 * PART


def test_three_buffers_are_enough_for_a_file_of_any_size(bucket, monkeypatch):
    made = []
    monkeypatch.setattr(object_writer_module, "PartBuffer", lambda size: made.append(PartBuffer(size)) or made[-1])
    content = os.urandom(6 * PART + 1)
    send(bucket, content)
    assert get_client().get_object(Bucket=bucket, Key="key")["Body"].read() == content
    assert len(made) == 3


def test_of_many_uploads_at_once_the_later_ones_send_one_part_at_a_time(bucket):
    with ExitStack() as others:
        for _ in range(UPLOADS_WITH_TWO_PARTS):
            other = object_writer(destination=destination(bucket), at_most=None, on_progress=lambda: None)
            writer = others.enter_context(other)
            writer.write(bytes(PART + 1))
            writer._parts._arrived(0)
        with (
            watched_parts() as (now, most, go),
            object_writer(destination=destination(bucket), at_most=None, on_progress=lambda: None) as writer,
        ):
            thread, written = writing(writer, 5)
            assert (len(now), len(written)) == (1, 2)
            go.set()
            thread.join()
            writer.finish()
        assert max(most) == 1
    assert part_uploader._second_parts._value == UPLOADS_WITH_TWO_PARTS


@pytest.mark.parametrize("size", [1, PART + 1])
def test_a_repeated_call_may_meet_its_own_object(bucket, size):
    get_client().put_object(Bucket=bucket, Key="key", Body=b"x" * size, Metadata={"upload-claim": "1"})
    assert send(bucket, b"x" * size).size == size


def test_parts_that_somebody_aborted_make_no_object(bucket):
    with Stubber(get_client()) as stub, pytest.raises(FileNotFound):
        stub.add_response("create_multipart_upload", {"UploadId": "1"})
        stub.add_client_error("complete_multipart_upload", "NoSuchUpload", http_status_code=404)
        stub.add_client_error("head_object", "404", http_status_code=404)
        stub.add_response("abort_multipart_upload", {})
        with Stubber(get_client(signed_payload=False)) as parts:
            for _ in range(2):
                parts.add_response("upload_part", {"ETag": "e"})
            send("bucket", bytes(PART + 1))


def test_a_second_error_does_not_hide_the_first():
    parts = Stubber(get_client(signed_payload=False))
    with Stubber(get_client()) as stub, parts, pytest.raises(BucketNotFound):
        stub.add_response("create_multipart_upload", {"UploadId": "1"})
        parts.add_client_error("upload_part", "NoSuchBucket", http_status_code=404)
        parts.add_client_error("upload_part", "NoSuchBucket", http_status_code=404)
        stub.add_client_error("abort_multipart_upload", "SlowDown", http_status_code=503)
        send("bucket", b"x" * (PART + 1))


def test_debris_of_exactly_this_key_is_removed(bucket):
    for key in ("key", "key", "key-of-another"):
        get_client().create_multipart_upload(Bucket=bucket, Key=key)
    multipart_debris_remove(bucket=bucket, key="key")
    left = get_client().list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [upload["Key"] for upload in left] == ["key-of-another"]
    multipart_debris_remove(bucket="missing-bucket", key="key")


@pytest.mark.parametrize(
    ("size", "parts"), [(0, 0), (1, 0), (PART, 0), (PART + 1, 2), (2 * PART, 2), (3 * PART + 7, 4)]
)
def test_bytes_are_received_without_a_copy(bucket, size, parts):
    data = (bytes(range(251)) * (size // 251 + 1))[:size]
    assert receive(bucket, data).checksum_sha256 == sha256(data).hexdigest()
    there = stored(bucket)
    assert there["Body"].read() == data
    assert ("-" in there["ETag"]) == bool(parts)


@pytest.mark.parametrize("size", [0, 7, PART])
def test_a_file_that_lies_whole_in_a_buffer_goes_from_there(bucket, size):
    data, heads = os.urandom(size), []
    sent = taken(bucket, data, on_head=lambda head: heads.append(head) or "text/x")
    assert (sent.size, sent.checksum_sha256) == (size, sha256(data).hexdigest())
    found = get_client().get_object(Bucket=bucket, Key="key")
    assert (found["Body"].read(), found["ContentType"]) == (data, "text/x")
    assert heads == [data[:SNIFFED_BYTES]]
