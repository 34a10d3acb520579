import pytest
from botocore.stub import Stubber
from django.db import transaction
from django.db.models import ProtectedError

from s3_file_uploader import s3
from s3_file_uploader.models import FileUpload
from tests.unit.services.conftest import stored_file

pytestmark = pytest.mark.django_db(transaction=True)


def objects_in(bucket):
    return s3.client().list_objects_v2(Bucket=bucket)["KeyCount"]


def test_files_outlive_their_user_by_default(bucket, user):
    stored_file(user, bucket)
    user.delete()
    upload = FileUpload.objects.get()
    assert (upload.user, upload.status) == (None, "stored")
    assert objects_in(bucket) == 1


def test_a_user_with_files_can_be_protected(bucket, user, other, settings):
    settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = "protect"
    stored_file(user, bucket)
    with pytest.raises(ProtectedError):
        user.delete()
    other.delete()


def test_files_can_follow_their_user(bucket, user, other, settings):
    settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = "delete"
    stored_file(user, bucket, "one")
    stored_file(user, bucket, "two")
    kept = stored_file(other, bucket, "kept")
    user.delete()
    assert FileUpload.objects.get() == kept
    assert objects_in(bucket) == 1


def test_a_deletion_that_is_rolled_back_changes_nothing(bucket, user, settings):
    settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = "delete"
    stored_file(user, bucket)
    with transaction.atomic():
        user.delete()
        transaction.set_rollback(True)
    assert FileUpload.objects.get().status == "stored"
    assert objects_in(bucket) == 1


def test_a_store_that_is_down_keeps_the_record_until_it_is_settled(bucket, user, settings):
    settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = "delete"
    stored_file(user, bucket)
    with Stubber(s3.client()) as stub:
        stub.add_client_error("delete_object", "503", http_status_code=503)
        user.delete()
    upload = FileUpload.objects.get()
    assert (upload.user, upload.status, upload.is_abandoned) == (None, "deleting", True)
