"""A policy applies to every kind of upload."""

from base64 import b64decode
from dataclasses import replace

import pytest

from s3_file_uploader.exceptions import (
    BucketNotAllowed,
    ContentTypeNotAllowed,
    FileExists,
    FileTooLarge,
    InvalidFileName,
    QuotaExceeded,
)
from s3_file_uploader.models import FileUpload
from s3_file_uploader.services import file_receive, housekeeping_run, upload_complete, upload_id_in, upload_key
from s3_file_uploader.values import MAX_OBJECT_BYTES, MAX_PUT_BYTES, Usage
from tests.unit.services.conftest import nothing_in, objects_in, received, sent, started, stored_file, usage

pytestmark = pytest.mark.django_db


def for_staff(user, bucket, policy):
    return replace(policy, is_open=False, max_file_bytes=1 if user.is_staff else 9, quota_files=2, quota_bytes=9)


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


def test_policy_function_at_complete_receives_the_owner(staff, user, bucket, settings):
    upload = started(staff, bucket, owner=user).upload
    sent(upload)
    settings.S3_FILE_UPLOADER_POLICY = f"{__name__}.for_staff"
    assert upload_complete(user=staff, upload_id=upload.pk).status == "stored"
    own = started(staff, bucket, size=1, file_name="own").upload
    sent(own, b"1")
    assert upload_complete(user=staff, upload_id=own.pk).status == "stored"
