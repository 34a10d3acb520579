"""Bytes and files of a user are counted, and stay within the quota."""

from contextlib import ExitStack

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from s3_file_uploader.exceptions import BucketNotAllowed, QuotaExceeded, SizeMismatch
from s3_file_uploader.models import FileUpload, IdempotencyKey, UsageLock
from s3_file_uploader.models.lease import create_claimed, end_lease_in
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import head_object
from s3_file_uploader.services import (
    file_delete,
    file_receive,
    housekeeping_run,
    upload_complete,
    upload_delete,
    usage_find,
)
from s3_file_uploader.values import Usage, mib
from tests.unit.services.conftest import (
    after_reading,
    expire,
    nothing_in,
    objects_in,
    parts_left_in,
    received,
    sent,
    started,
    stored_file,
    usage,
)

pytestmark = pytest.mark.django_db


# --- while it comes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("piece", [b"x" * mib(1), b"x" * mib(6)], ids=["small", "large"])
def test_receive_in_parts_beyond_quota_is_refused(user, bucket, policy, piece):
    policy(quota_bytes=mib(12))
    assert received(user, bucket, *[piece] * (mib(12) // len(piece))).size == mib(12)
    assert usage(user, bucket) == Usage(mib(12), 1)
    with pytest.raises(QuotaExceeded) as raised:
        received(user, bucket, piece, file_name="other")
    assert raised.value.limit == {"quota_bytes": mib(12), "bytes": mib(12)}
    assert objects_in(bucket) == ["file"]
    assert not parts_left_in(bucket)


def test_receive_beyond_quota_ends_in_the_middle(user, bucket, policy):
    policy(quota_bytes=mib(12) - 1)
    came = []
    with pytest.raises(QuotaExceeded):
        with file_receive(
            user=user, owner=user, bucket=bucket, file_name="f", content_type="a/b", original_name="f"
        ) as incoming:
            for number in range(1, 14):
                incoming.write(b"x" * mib(1))
                came.append(number)
    assert came[-1] == 11
    assert nothing_in(bucket)


def test_receive_two_at_once_without_size_counts_both(user, bucket, policy):
    policy(quota_bytes=10)
    options = {"user": user, "owner": user, "bucket": bucket, "content_type": "a/b", "original_name": "f"}
    with ExitStack() as stack:
        one = stack.enter_context(file_receive(file_name="one", **options))
        one.write(b"12345")
        assert usage(user, bucket) == Usage(5, 1)
        with pytest.raises(QuotaExceeded):
            with file_receive(file_name="two", **options) as two:
                two.write(b"12345")
                one.write(b"6")  # Had room when it was last counted; so it is counted at its end.
                two.write(b"6")
        assert usage(user, bucket) == Usage(5, 1)
    assert one.upload.size == 6
    assert usage(user, bucket) == Usage(6, 1)


def test_receive_without_size_is_counted_again_at_its_end(user, bucket, policy):
    policy(quota_bytes=10)
    with pytest.raises(QuotaExceeded):
        with file_receive(
            user=user, owner=user, bucket=bucket, file_name="f", content_type="a/b", original_name="f"
        ) as incoming:
            incoming.write(b"1")
            stored_file(user, bucket, "other", b"123456789")
            incoming.write(b"2")
    assert objects_in(bucket) == ["other"]


def test_receive_with_size_counts_it_from_the_beginning(user, bucket, policy):
    policy(quota_bytes=10)
    with pytest.raises(SizeMismatch):
        with file_receive(
            user=user, owner=user, bucket=bucket, file_name="f", content_type="a/b", original_name="f", size=8
        ):
            assert usage(user, bucket) == Usage(8, 1)
            with pytest.raises(QuotaExceeded):
                stored_file(user, bucket, "other", b"123")
    assert usage(user, bucket) == Usage(0, 0)
    assert stored_file(user, bucket, "other", b"0123456789").size == 10


def test_begin_without_size_needs_room_for_one_byte(user, bucket, policy):
    policy(quota_bytes=7)
    stored_file(user, bucket)
    for begin in (received, started):
        with pytest.raises(QuotaExceeded):
            begin(user, bucket, file_name="other", size=None)
    assert stored_file(user, bucket, "empty", b"").size == 0


# --- what counts -----------------------------------------------------------------------------------------------------


def test_overwrite_counts_the_difference(user, bucket, policy):
    policy(quota_bytes=10, quota_files=1)
    stored_file(user, bucket)
    assert stored_file(user, bucket, content=b"0123456789", overwrite=True).size == 10
    with pytest.raises(QuotaExceeded) as raised:
        stored_file(user, bucket, content=b"0123456789a", overwrite=True)
    assert raised.value.limit == {"quota_bytes": 10, "bytes": 10}
    assert head_object(bucket=bucket, key="file").size == 10
    assert usage(user, bucket) == Usage(10, 1)


def test_overwrite_in_progress_counts_the_larger_size(user, bucket, policy):
    policy(quota_bytes=20)
    stored_file(user, bucket)
    options = {"user": user, "owner": user, "bucket": bucket, "content_type": "a/b", "original_name": "f"}
    for content in (b"0123456789", b"0"):
        with file_receive(file_name="file", size=len(content), overwrite=True, **options) as incoming:
            incoming.write(content)
            assert usage(user, bucket) == Usage(10, 1)
    assert usage(user, bucket) == Usage(1, 1)


def test_overwrite_by_less_beyond_quota_is_allowed(user, bucket, policy):
    stored_file(user, bucket)
    policy(quota_bytes=5, quota_files=0)
    assert stored_file(user, bucket, content=b"012345", overwrite=True).size == 6


def test_overwrite_after_failure_counts_as_before(user, bucket, policy):
    policy(quota_bytes=20)
    stored_file(user, bucket)
    with pytest.raises(SizeMismatch):
        received(user, bucket, b"0123456789", size=11, overwrite=True)
    assert usage(user, bucket) == Usage(7, 1)


def test_quota_after_removal_is_free_again(user, bucket, policy):
    policy(quota_bytes=7, quota_files=1)
    stored_file(user, bucket)
    with pytest.raises(QuotaExceeded, match="1 of 1 files"):
        started(user, bucket)
    file_delete(user=user, bucket=bucket, file_name="file")
    upload = started(user, bucket).upload
    with pytest.raises(QuotaExceeded):
        stored_file(user, bucket)
    upload_delete(user=user, upload_id=upload.pk)
    upload = started(user, bucket).upload
    expire(upload)
    with pytest.raises(QuotaExceeded):
        stored_file(user, bucket)
    housekeeping_run()
    assert stored_file(user, bucket).size == 7


def test_quota_after_settled_crash_is_free_again(user, bucket, policy):
    policy(quota_files=1)
    left = create_claimed(
        user_id=user.pk, bucket=bucket, file_name="file", incoming_size=7, content_type="a/b", original_name="f"
    )
    end_lease_in(left, -1)
    assert usage(user, bucket) == Usage(7, 1)
    with pytest.raises(QuotaExceeded):
        stored_file(user, bucket, "other")
    assert stored_file(user, bucket).size == 7  # An upload to the same key settles it.
    assert usage(user, bucket) == Usage(7, 1)


def test_usage_omits_rejected_files(user, bucket, policy):
    policy(quota_files=1)
    upload = stored_file(user, bucket)
    FileUpload.objects.filter(pk=upload.pk).update(status="rejected", status_reason="It was found.")
    assert usage(user, bucket) == Usage(0, 0)


def test_quota_omits_other_users_and_buckets(user, other, bucket, policy):
    policy(quota_bytes=7, quota_files=1)
    get_client().create_bucket(Bucket="bucket-two")
    for owner, place in ((user, bucket), (other, bucket), (user, "bucket-two")):
        assert stored_file(owner, place, f"{owner.pk}").size == 7


def test_user_delete_removes_the_usage_lock(user, bucket, policy, settings):
    policy(quota_files=1)
    lock = started(user, bucket).upload and UsageLock.objects.get()
    assert str(lock) == str(user.pk)
    user.delete()
    assert not UsageLock.objects.exists()


def test_receive_under_quota_of_files_ignores_bytes(user, bucket, policy):
    policy(quota_files=1)
    assert received(user, bucket, b"a", b"b").size == 2
    assert usage(user, bucket) == Usage(2, 1)


@pytest.mark.parametrize("begin", [stored_file, started])
def test_begin_without_quota_counts_nothing(user, bucket, policy, begin):
    counted = []
    for fields in ({}, {"max_file_bytes": 10, "content_types": ["text/*"]}, {"quota_files": 9}):
        policy(**fields)
        begin(user, bucket, file_name=f"warm {fields}.txt")
        with CaptureQueriesContext(connection) as queries:
            begin(user, bucket, file_name=f"file {fields}.txt")
        counted.append(sum(table in query["sql"] for query in queries for table in ("usagelock", "SUM(")))
    assert counted[:2] == [0, 0]
    assert counted[2] > 0


# --- direct uploads --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["put", "multipart"])
def test_complete_without_announced_size_counts_the_bytes(user, bucket, policy, strategy):
    policy(quota_bytes=10)
    one, two = (started(user, bucket, size=None, strategy=strategy).upload for _ in range(2))
    sent(one)
    sent(two)
    assert usage(user, bucket) == Usage(0, 2)
    assert upload_complete(user=user, upload_id=one.pk).status == "stored"
    with pytest.raises(QuotaExceeded) as raised:
        upload_complete(user=user, upload_id=two.pk)
    assert raised.value.limit == {"quota_bytes": 10, "bytes": 7}
    assert objects_in(bucket) == [one.file_name]
    assert usage(user, bucket) == Usage(7, 1)


def test_complete_with_announced_size_counts_it_once(user, bucket, policy):
    policy(quota_bytes=7)
    upload = started(user, bucket).upload
    sent(upload)
    policy(quota_bytes=1)
    assert upload_complete(user=user, upload_id=upload.pk).status == "stored"


def test_start_same_request_twice_at_once_counts_once(user, bucket, policy):
    policy(quota_files=1)
    faster = []
    with after_reading(
        IdempotencyKey._meta.db_table, lambda: faster.append(started(user, bucket, idempotency_key="key"))
    ):
        slower = started(user, bucket, idempotency_key="key")
    assert (slower.is_repeated, slower.upload) == (True, faster[0].upload)
    with pytest.raises(QuotaExceeded):
        started(user, bucket, idempotency_key="another")


def test_usage_find_returns_usage_and_limits(staff, user, bucket, policy, settings):
    policy(quota_bytes=20, key_prefix="users/{user_id}/")
    stored_file(user, bucket, f"users/{user.pk}/file")
    used, limits = usage_find(user=staff, owner=user, bucket=bucket)
    assert (used, limits.quota_bytes, limits.key_prefix) == (Usage(7, 1), 20, f"users/{user.pk}/")
    settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = []
    with pytest.raises(BucketNotAllowed):
        usage_find(user=user, owner=user, bucket=bucket)
