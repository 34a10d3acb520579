"""A policy applies to every kind of upload; a quota counts stored files and unfinished uploads."""

from base64 import b64decode
from contextlib import ExitStack
from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from s3_file_uploader.exceptions import (
    BucketNotAllowed,
    ContentTypeNotAllowed,
    FileExists,
    FileTooLarge,
    InvalidFileName,
    QuotaExceeded,
    SizeMismatch,
)
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
    upload_id_in,
    upload_key,
    usage_find,
)
from s3_file_uploader.values import MAX_OBJECT_BYTES, MAX_PUT_BYTES, Usage, mib
from tests.unit.services.conftest import (
    after_reading,
    expire,
    objects_in,
    parts_left_in,
    sent,
    started,
    stored_file,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def policy(settings):
    """Set fields of the policy for every bucket."""

    def policy(**fields):
        settings.S3_FILE_UPLOADER_POLICIES = {"*": fields}

    policy()
    return policy


def for_staff(user, bucket, policy):
    return replace(policy, is_open=False, max_file_bytes=1 if user.is_staff else 9, quota_files=2, quota_bytes=9)


def received(user, bucket, *pieces, file_name="file", **options):
    """Take in a file of unknown size, piece by piece."""
    options = {"content_type": "text/plain", "original_name": "my file.txt", **options}
    with file_receive(user=user, owner=user, bucket=bucket, file_name=file_name, **options) as incoming:
        for piece in pieces:
            incoming.write(piece)
    return incoming.upload


def usage(user, bucket):
    return FileUpload.objects.usage(user_id=user.pk, bucket=bucket)


def nothing_in(bucket):
    return not FileUpload.objects.exists() and not objects_in(bucket) and not parts_left_in(bucket)


# --- one file --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begin", [stored_file, started])
@pytest.mark.parametrize(
    ("fields", "error", "limit"),
    [
        ({"max_file_bytes": 6}, FileTooLarge, {"max_file_bytes": 6}),
        ({"content_types": ["image/*"]}, ContentTypeNotAllowed, {"content_types": ["image/*"]}),
        ({"content_types": []}, ContentTypeNotAllowed, {"content_types": []}),
        ({"extensions": ["png", ""]}, ContentTypeNotAllowed, {"extensions": ["png", ""]}),
        ({"quota_bytes": 6}, QuotaExceeded, {"quota_bytes": 6, "bytes": 0}),
        ({"quota_files": 0}, QuotaExceeded, {"quota_files": 0, "files": 0}),
    ],
)
def test_begin_beyond_policy_is_refused(user, bucket, policy, begin, fields, error, limit):
    policy(**fields)
    with pytest.raises(error) as raised:
        begin(user, bucket)
    assert raised.value.limit == limit
    assert nothing_in(bucket)


@pytest.mark.parametrize("begin", [stored_file, started])
def test_begin_within_policy_counts_usage(user, bucket, policy, begin):
    policy(max_file_bytes=7, content_types=["text/*"], extensions=["txt", ""], quota_bytes=7, quota_files=1)
    begin(user, bucket)
    assert usage(user, bucket) == Usage(7, 1)


@pytest.mark.parametrize("names", [{"file_name": "a.exe"}, {"original_name": "a.exe"}])
def test_receive_name_of_other_extension_is_refused(user, bucket, policy, names):
    policy(extensions=["txt"])
    with pytest.raises(ContentTypeNotAllowed, match=r"one that ends in txt"):
        stored_file(user, bucket, **{"file_name": "a.txt", "original_name": "a.txt", **names})


def test_receive_size_beyond_s3_is_refused(user, bucket):
    with pytest.raises(FileTooLarge, match="S3 keeps") as raised:
        received(user, bucket, size=MAX_OBJECT_BYTES + 1)
    assert raised.value.limit == {"max_file_bytes": MAX_OBJECT_BYTES}


@pytest.mark.parametrize("file_name", ["file", "users/file", "users/0/file", "users/{}/", "/users/{}/file"])
def test_receive_key_outside_of_the_prefix_is_refused(user, bucket, policy, file_name):
    policy(key_prefix="users/{user_id}/")
    with pytest.raises(InvalidFileName):
        stored_file(user, bucket, file_name.format(user.pk))
    assert nothing_in(bucket)


def test_receive_refused_key_names_the_prefix(user, bucket, policy):
    policy(key_prefix="users/{user_id}/")
    with pytest.raises(InvalidFileName, match=f"must begin with 'users/{user.pk}/'") as raised:
        stored_file(user, bucket, "file")
    assert raised.value.limit == {"key_prefix": f"users/{user.pk}/"}


def test_keys_begin_with_the_prefix_of_the_owner(staff, user, bucket, policy):
    policy(key_prefix="users/{user_id}/")
    prefix = f"users/{user.pk}/"
    assert stored_file(user, bucket, f"{prefix}file", user=staff).file_name == f"{prefix}file"
    upload = started(staff, bucket, owner=user).upload
    assert upload.file_name == f"{prefix}uploads/{upload.pk}/my file.txt"
    assert upload_id_in(upload.file_name) == str(upload.pk)
    key = upload_key(owner=user, bucket=bucket, upload_id=upload.pk, file_name="my file.txt")
    assert key == upload.file_name


def test_overwrite_without_may_overwrite_is_refused(user, bucket, policy):
    policy(may_overwrite=False)
    stored_file(user, bucket)
    for overwrite in (True, False):
        with pytest.raises(FileExists, match="none can be replaced") as raised:
            stored_file(user, bucket, overwrite=overwrite)
        assert raised.value.limit == {"may_overwrite": False}


def test_policy_function_at_start_receives_the_owner(staff, user, bucket, settings):
    settings.S3_FILE_UPLOADER_POLICY = f"{__name__}.for_staff"
    assert stored_file(user, bucket, user=staff).size == 7
    with pytest.raises(FileTooLarge):
        stored_file(staff, bucket, "other")
    with pytest.raises(BucketNotAllowed):
        stored_file(user, bucket, "other")


# --- while it comes --------------------------------------------------------------------------------------------------


def test_receive_without_size_beyond_limit_is_refused(user, bucket, policy):
    policy(max_file_bytes=6)
    assert received(user, bucket, b"abc", b"def").size == 6
    with pytest.raises(FileTooLarge):
        received(user, bucket, b"abc", b"def", b"g", file_name="other")
    assert objects_in(bucket) == ["file"]


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


@pytest.mark.parametrize(
    ("fields", "error"), [({"max_file_bytes": 6}, FileTooLarge), ({"quota_bytes": 6}, QuotaExceeded)]
)
def test_receive_size_beyond_policy_is_refused_before_first_byte(user, bucket, policy, fields, error):
    policy(**fields)
    with pytest.raises(error):
        with file_receive(
            user=user, owner=user, bucket=bucket, file_name="f", content_type="a/b", original_name="f", size=7
        ):
            pytest.fail("It was read.")
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


@pytest.mark.parametrize(
    ("fields", "most"),
    [({}, MAX_PUT_BYTES), ({"max_file_bytes": 9}, 9), ({"quota_bytes": 10}, 3), ({"quota_files": 9}, MAX_PUT_BYTES)],
)
def test_start_of_form_without_size_is_limited_to_the_room(user, bucket, policy, fields, most):
    stored_file(user, bucket)
    policy(**fields)
    upload = started(user, bucket, size=None, strategy="post")
    assert f'["content-length-range",0,{most}]' in policy_of_form(upload.transfer)


def policy_of_form(transfer):
    return b64decode(transfer.fields["policy"]).decode().replace(" ", "")


@pytest.mark.parametrize("strategy", ["put", "multipart"])
@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"max_file_bytes": 6}, FileTooLarge),
        ({"content_types": ["image/*"]}, ContentTypeNotAllowed),
        ({"extensions": ["png"]}, ContentTypeNotAllowed),
    ],
)
def test_complete_uses_the_current_policy(user, bucket, policy, strategy, fields, error):
    upload = started(user, bucket, strategy=strategy).upload
    sent(upload)
    policy(**fields)
    with pytest.raises(error) as raised:
        upload_complete(user=user, upload_id=upload.pk)
    assert raised.value.limit == fields
    assert not objects_in(bucket)
    assert not FileUpload.objects.filter(user=user).exists()


def test_housekeeping_completes_by_the_current_policy(user, bucket, policy, settings):
    upload = started(user, bucket).upload
    sent(upload)
    FileUpload.objects.update(created_at=upload.created_at.replace(year=2020))
    policy(max_file_bytes=6)
    assert housekeeping_run(dry_run=True).uploads_completed == 0
    assert housekeeping_run().uploads_completed == 0
    assert not objects_in(bucket)


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


def test_policy_function_at_complete_receives_the_owner(staff, user, bucket, settings):
    upload = started(staff, bucket, owner=user).upload
    sent(upload)
    settings.S3_FILE_UPLOADER_POLICY = f"{__name__}.for_staff"
    assert upload_complete(user=staff, upload_id=upload.pk).status == "stored"
    own = started(staff, bucket, size=1, file_name="own").upload
    sent(own, b"1")
    assert upload_complete(user=staff, upload_id=own.pk).status == "stored"


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


# --- what may be -----------------------------------------------------------------------------------------------------


def test_usage_find_returns_usage_and_limits(staff, user, bucket, policy, settings):
    policy(quota_bytes=20, key_prefix="users/{user_id}/")
    stored_file(user, bucket, f"users/{user.pk}/file")
    used, limits = usage_find(user=staff, owner=user, bucket=bucket)
    assert (used, limits.quota_bytes, limits.key_prefix) == (Usage(7, 1), 20, f"users/{user.pk}/")
    settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = []
    with pytest.raises(BucketNotAllowed):
        usage_find(user=user, owner=user, bucket=bucket)
