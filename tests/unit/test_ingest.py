import io
from hashlib import sha256

import pytest
from botocore.stub import Stubber

from s3_file_uploader import s3
from s3_file_uploader.exceptions import (
    BucketNotFound,
    ChecksumMismatch,
    FileExists,
    SizeMismatch,
)
from s3_file_uploader.ingest import PARTS_IN_FLIGHT, Destination, multipart_debris_remove, object_send
from s3_file_uploader.values import MAX_PARTS, mib

PART = mib(5)


@pytest.fixture(autouse=True)
def small_parts(settings):
    settings.S3_FILE_UPLOADER_PART_SIZE_BYTES = PART


class Dribble(io.BytesIO):
    """Gives less than it is asked for, as a socket does, and remembers the most it was asked for."""

    most = 0

    def read(self, size=-1):
        self.most = max(self.most, size)
        return super().read(min(size, 1_000_003))


def send(bucket, content, *, size=None, checksum=None, may_replace=False, on_progress=lambda: None):
    data = content.getvalue()
    return object_send(
        destination=Destination(bucket, "key", "video/mp4", {"upload-claim": "1"}, may_replace),
        content=content,
        size=len(data) if size is None else size,
        checksum_sha256=checksum,
        on_progress=on_progress,
    )


def stored(bucket):
    return s3.client().get_object(Bucket=bucket, Key="key")


def nothing_is_left(bucket):
    listed = s3.client().list_objects_v2(Bucket=bucket)["KeyCount"]
    return listed == 0 and not s3.client().list_multipart_uploads(Bucket=bucket).get("Uploads")


@pytest.mark.parametrize(
    ("size", "parts"),
    [(0, None), (1, None), (PART - 1, None), (PART, None), (PART + 1, 2), (2 * PART, 2), (3 * PART + 7, 4)],
)
def test_the_bytes_arrive_and_one_part_is_never_a_multipart(bucket, size, parts):
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    sent = send(bucket, Dribble(data))
    answer = stored(bucket)
    assert answer["Body"].read() == data
    assert (answer["ContentType"], answer["Metadata"]) == ("video/mp4", {"upload-claim": "1"})
    assert (sent.size, sent.checksum_sha256) == (size, sha256(data).hexdigest())
    assert answer["ETag"].strip('"').partition("-")[2] == (str(parts) if parts else "")


def test_a_right_checksum_is_stored(bucket):
    data = b"x" * (PART + 1)
    send(bucket, io.BytesIO(data), checksum=sha256(data).hexdigest())
    assert stored(bucket)["ContentLength"] == len(data)


@pytest.mark.parametrize("size", [10, PART + 10])
def test_a_wrong_checksum_stores_nothing(bucket, size):
    with pytest.raises(ChecksumMismatch):
        send(bucket, io.BytesIO(b"x" * size), checksum="0" * 64)
    assert nothing_is_left(bucket)


@pytest.mark.parametrize("size", [10, PART + 10])
@pytest.mark.parametrize("difference", [-1, 1])
def test_another_number_of_bytes_than_announced_stores_nothing(bucket, size, difference):
    with pytest.raises(SizeMismatch):
        send(bucket, io.BytesIO(b"x" * size), size=size + difference)
    assert nothing_is_left(bucket)


def test_what_progress_raises_ends_the_upload_without_debris(bucket):
    def lost():
        raise FileExists("lost")

    with pytest.raises(FileExists):
        send(bucket, io.BytesIO(b"x" * (4 * PART)), on_progress=lost)
    assert nothing_is_left(bucket)


def test_what_is_there_is_not_replaced_unless_wanted(bucket):
    for size in (1, PART + 1):
        s3.client().put_object(Bucket=bucket, Key="key", Body=b"precious")
        with pytest.raises(FileExists):
            send(bucket, io.BytesIO(b"x" * size))
        assert stored(bucket)["Body"].read() == b"precious"
        send(bucket, io.BytesIO(b"x" * size), may_replace=True)
        assert stored(bucket)["ContentLength"] == size


@pytest.mark.parametrize("size", [1, PART + 1])
def test_a_bucket_that_is_not_there(aws, size):
    with pytest.raises(BucketNotFound):
        send("missing-bucket", io.BytesIO(b"x" * size))


def test_parts_grow_so_that_ten_thousand_suffice(bucket, settings):
    content = Dribble(b"x")
    with pytest.raises(SizeMismatch):
        send(bucket, content, size=PART * MAX_PARTS * 2)
    assert content.most == PART * 2


def test_no_more_than_a_few_parts_are_in_memory(bucket):
    """The reader is never further ahead than the parts on their way, the one at hand and the next."""
    sent, read = [], []

    class Counting(io.BytesIO):
        def read(self, size=-1):
            data = super().read(size)
            if data:
                assert len(read) - len(sent) <= PARTS_IN_FLIGHT + 1
                read.append(len(data))
            return data

    def count(**kwargs):
        sent.append(kwargs["http_response"].status_code)

    events = s3.client().meta.events
    events.register("after-call.s3.UploadPart", count)
    try:
        send(bucket, Counting(b"x" * (8 * PART)))
    finally:
        events.unregister("after-call.s3.UploadPart", count)
    assert (len(read), sent) == (8, [200] * 8)


@pytest.mark.parametrize("size", [1, PART + 1])
def test_a_repeated_call_may_meet_its_own_object(bucket, size):
    s3.client().put_object(Bucket=bucket, Key="key", Body=b"x" * size, Metadata={"upload-claim": "1"})
    assert send(bucket, io.BytesIO(b"x" * size)).size == size


def test_a_second_error_does_not_hide_the_first():
    with Stubber(s3.client()) as stub, pytest.raises(BucketNotFound):
        stub.add_response("create_multipart_upload", {"UploadId": "1"})
        stub.add_client_error("upload_part", "NoSuchBucket", http_status_code=404)
        stub.add_client_error("upload_part", "NoSuchBucket", http_status_code=404)
        stub.add_client_error("abort_multipart_upload", "SlowDown", http_status_code=503)
        send("bucket", io.BytesIO(b"x" * (PART + 1)))


def test_debris_of_exactly_this_key_is_removed(bucket):
    for key in ("key", "key", "key-of-another"):
        s3.client().create_multipart_upload(Bucket=bucket, Key=key)
    multipart_debris_remove(bucket=bucket, key="key")
    left = s3.client().list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [upload["Key"] for upload in left] == ["key-of-another"]
    multipart_debris_remove(bucket="missing-bucket", key="key")
