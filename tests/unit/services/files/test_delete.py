"""Files are deleted from S3, then their records."""

import pytest

from s3_file_uploader.exceptions import ClaimLost, FileNotFound
from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.lease import claim_record, create_claimed, end_lease_in
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import file_delete, record_delete
from s3_file_uploader.signals import file_deleted
from tests.unit.services.conftest import stored_file

pytestmark = pytest.mark.django_db
Status = FileUpload.Status


class TestDelete:
    def test_file_delete_removes_object_and_record(self, bucket, user, heard, django_capture_on_commit_callbacks):
        stored_file(user, bucket)
        with django_capture_on_commit_callbacks(execute=True):
            file_delete(user=user, owner=user, bucket=bucket, file_name="file")
        assert get_client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0
        assert not FileUpload.objects.exists()
        assert heard[-1] == (file_deleted, "file")
        with pytest.raises(FileNotFound):
            file_delete(user=user, bucket=bucket, file_name="file")

    def test_file_delete_of_another_owner_is_not_found(self, bucket, user, other, staff):
        stored_file(user, bucket)
        with pytest.raises(FileNotFound):
            file_delete(user=staff, owner=other, bucket=bucket, file_name="file")
        file_delete(user=staff, owner=user, bucket=bucket, file_name="file")
        assert not FileUpload.objects.exists()

    def test_file_delete_removed_object_removes_record(self, bucket, user):
        stored_file(user, bucket)
        get_client().delete_object(Bucket=bucket, Key="file")
        file_delete(user=user, bucket=bucket, file_name="file")
        assert not FileUpload.objects.exists()

    def test_file_delete_removed_bucket_removes_record(self, bucket, user):
        stored_file(user, bucket)
        get_client().delete_object(Bucket=bucket, Key="file")
        get_client().delete_bucket(Bucket=bucket)
        file_delete(user=user, bucket=bucket, file_name="file")
        assert not FileUpload.objects.exists()

    def test_file_delete_pending_upload_is_not_found(self, bucket, user):
        create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        with pytest.raises(FileNotFound):
            file_delete(user=user, bucket=bucket, file_name="file")

    def test_file_delete_during_overwrite_is_refused(self, bucket, user):
        claim_record(stored_file(user, bucket), Status.PENDING)
        with pytest.raises(ClaimLost, match="try again"):
            file_delete(user=user, bucket=bucket, file_name="file")

    def test_file_delete_abandoned_upload_is_removed(self, bucket, user):
        upload = create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        end_lease_in(upload, -1)
        file_delete(user=user, bucket=bucket, file_name="file")
        assert not FileUpload.objects.exists()

    def test_file_delete_abandoned_overwrite_is_settled_first(self, bucket, user):
        upload = stored_file(user, bucket)
        claim_record(upload, Status.PENDING)
        end_lease_in(upload, -1)
        record_delete(user=user, upload=FileUpload.objects.get())
        assert not FileUpload.objects.exists()
        assert get_client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0
