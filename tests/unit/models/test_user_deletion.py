from datetime import timedelta

import pytest
from botocore.stub import Stubber
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import ProtectedError
from django.db.models.deletion import Collector

from s3_file_uploader.exceptions import ClaimLost
from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.lease import create_claimed, end_lease_in
from s3_file_uploader.models.transitions import mark_stored
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import housekeeping_run, upload_complete, upload_delete, upload_token_create
from s3_file_uploader.values import mib
from tests.people.models import Customer
from tests.unit.services.conftest import sent, started, stored_file

pytestmark = pytest.mark.django_db(transaction=True)


def objects_in(bucket):
    return get_client().list_objects_v2(Bucket=bucket)["KeyCount"]


def test_user_delete_by_default_keeps_files(bucket, user):
    stored_file(user, bucket)
    user.delete()
    upload = FileUpload.objects.get()
    assert (upload.user, upload.status) == (None, "stored")
    assert objects_in(bucket) == 1


def test_user_delete_with_files_can_be_refused(bucket, user, other, settings):
    settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = "protect"
    stored_file(user, bucket)
    with pytest.raises(ProtectedError):
        user.delete()
    other.delete()


def test_user_delete_can_remove_files(bucket, user, other, settings):
    settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = "delete"
    stored_file(user, bucket, "one")
    stored_file(user, bucket, "two")
    remaining = stored_file(other, bucket, "kept")
    user.delete()
    assert FileUpload.objects.get() == remaining
    assert objects_in(bucket) == 1


@pytest.mark.parametrize("rule", ["keep", "delete", "protect"])
def test_user_delete_record_that_comes_while_it_begins_is_seen(user, settings, rule):
    """Django has collected what is related, and not begun its transaction."""
    settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = rule
    collector = Collector(using="default", origin=user)
    collector.collect([user])
    create_claimed(user_id=user.pk, bucket="bucket", file_name="file", content_type="x/y")
    upload_token_create(user=user, expires_in_seconds=60)
    if rule == "protect":
        with pytest.raises(ProtectedError):
            collector.delete()
        assert FileUpload.objects.get().user_id is not None
    else:
        collector.delete()
        assert FileUpload.objects.get().user_id is None
    assert User.objects.count() == (rule == "protect")


def test_user_delete_by_a_proxy_model_has_the_same_effect(bucket, user, settings):
    settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = "delete"
    stored_file(user, bucket)
    Customer.objects.get(pk=user.pk).delete()
    assert not FileUpload.objects.exists()
    assert objects_in(bucket) == 0


def test_mark_stored_after_user_delete_is_refused(bucket, user, settings):
    settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = "delete"
    writing = create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
    user.delete()
    with pytest.raises(ClaimLost):
        mark_stored(writing, size=1, etag="e", completed_at=writing.created_at)
    upload = FileUpload.objects.get()
    assert (upload.user, upload.status, upload.is_abandoned) == (None, "deleting", False)


def test_user_delete_without_the_right_keeps_the_mark(bucket, user, settings):
    settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = "delete"
    stored_file(user, bucket)
    with Stubber(get_client()) as stub:
        stub.add_response("list_multipart_uploads", {})
        stub.add_client_error("delete_object", "AccessDenied", http_status_code=403)
        user.delete()
    upload = FileUpload.objects.get()
    assert (upload.status, upload.is_abandoned) == ("deleting", True)


def test_user_delete_rolled_back_changes_nothing(bucket, user, settings):
    settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = "delete"
    stored_file(user, bucket)
    with transaction.atomic():
        user.delete()
        transaction.set_rollback(True)
    assert FileUpload.objects.get().status == "stored"
    assert objects_in(bucket) == 1


def test_user_delete_while_s3_is_down_keeps_the_record(bucket, user, settings):
    settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = "delete"
    stored_file(user, bucket)
    with Stubber(get_client()) as stub:
        stub.add_client_error("delete_object", "503", http_status_code=503)
        user.delete()
    upload = FileUpload.objects.get()
    assert (upload.user, upload.status, upload.is_abandoned) == (None, "deleting", True)


def test_user_delete_during_an_upload_removes_its_parts(settings, bucket, user, staff):
    settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = "delete"
    upload = create_claimed(user_id=user.pk, bucket=bucket, file_name="key")
    get_client().create_multipart_upload(Bucket=bucket, Key="key")
    user.delete()
    upload.refresh_from_db()
    end_lease_in(upload, -1)
    upload_delete(user=staff, upload_id=upload.pk)
    assert not FileUpload.objects.exists()
    assert not get_client().list_multipart_uploads(Bucket=bucket).get("Uploads")


def test_user_delete_after_urls_expire_removes_direct_uploads(bucket, user, settings):
    settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = "delete"
    put, big = started(user, bucket).upload, started(user, bucket, size=mib(20)).upload
    sent(put)
    user.delete()
    assert objects_in(bucket) == 0
    assert not get_client().list_multipart_uploads(Bucket=bucket).get("Uploads")
    for upload in (put, big):
        with pytest.raises(ClaimLost):
            mark_stored(upload, size=1, etag="e", completed_at=upload.created_at)
    assert {(left.status, left.user) for left in FileUpload.objects.all()} == {("deleting", None)}
    FileUpload.objects.update(writable_until=put.created_at - timedelta(days=1), claimed_until=put.created_at)
    assert housekeeping_run().records_settled == 2
    assert not FileUpload.objects.exists()


def test_user_delete_by_default_keeps_direct_uploads(bucket, user, staff):
    upload = started(user, bucket).upload
    user.delete()
    sent(upload)
    assert upload_complete(user=staff, upload_id=upload.pk).user is None
