"""Uploads through the service."""

import io
from hashlib import sha256

import pytest
from django.contrib.auth.models import AnonymousUser

from s3_file_uploader.exceptions import (
    BucketNotAllowed,
    BucketNotFound,
    ChecksumMismatch,
    FileExists,
    FileTooLarge,
    InvalidBucketName,
    InvalidFileName,
)
from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.lease import create_claimed
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import head_object
from s3_file_uploader.services import file_upload
from s3_file_uploader.signals import file_uploaded
from s3_file_uploader.values import MAX_OBJECT_BYTES, mib
from tests.unit.services.conftest import bytes_at, stored_file

pytestmark = pytest.mark.django_db
Status = FileUpload.Status


class TestUpload:
    def test_upload_record_describes_object(self, bucket, user):
        upload = stored_file(user, bucket, "a/b", b"hello", content_type="x/y", original_name="b.mp4")
        assert FileUpload.objects.get() == upload
        upload.refresh_from_db()
        stored = head_object(bucket=bucket, key="a/b")
        assert (upload.size, upload.etag, upload.content_type) == (5, stored.etag, stored.content_type)
        assert upload.checksum_sha256 == sha256(b"hello").hexdigest()
        assert (upload.user, upload.status, upload.original_name) == (user, Status.STORED, "b.mp4")
        assert upload.created_at <= upload.completed_at
        assert upload.claimed_until is None

    def test_upload_by_staff_belongs_to_owner(self, bucket, staff, user):
        assert stored_file(user, bucket, user=staff).user == user

    def test_upload_of_existing_name_needs_overwrite(self, bucket, user):
        first = stored_file(user, bucket, content=b"first")
        with pytest.raises(FileExists, match="overwrite=true"):
            stored_file(user, bucket, content=b"second")
        assert bytes_at(bucket) == b"first"
        second = stored_file(user, bucket, content=b"second", overwrite=True, content_type="x/y")
        assert bytes_at(bucket) == b"second"
        assert second.pk == first.pk
        assert FileUpload.objects.get().checksum_sha256 == sha256(b"second").hexdigest()
        assert FileUpload.objects.get().content_type == "x/y"

    @pytest.mark.parametrize("overwrite", [True, False])
    def test_upload_over_file_of_another_user_is_refused(self, bucket, user, other, staff, overwrite):
        stored_file(user, bucket, content=b"mine")
        for sender in (other, staff):
            with pytest.raises(FileExists):
                stored_file(sender, bucket, overwrite=overwrite)
        assert bytes_at(bucket) == b"mine"

    def test_upload_over_file_without_owner_is_refused(self, bucket, user, other):
        stored_file(user, bucket, content=b"kept")
        FileUpload.objects.update(user=None)
        for sender in (other, AnonymousUser()):
            with pytest.raises(FileExists):
                stored_file(sender, bucket, overwrite=True)
        assert bytes_at(bucket) == b"kept"

    @pytest.mark.parametrize("overwrite", [True, False])
    def test_upload_over_object_without_record_is_refused(self, bucket, user, overwrite):
        get_client().put_object(Bucket=bucket, Key="file", Body=b"precious")
        with pytest.raises(FileExists, match="not uploaded here"):
            stored_file(user, bucket, overwrite=overwrite)
        assert bytes_at(bucket) == b"precious"
        assert not FileUpload.objects.exists()

    def test_upload_over_pending_upload_is_refused(self, bucket, user):
        create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        with pytest.raises(FileExists, match="try again"):
            stored_file(user, bucket, overwrite=True)

    @pytest.mark.parametrize("size", [7, 12 * 2**20])
    @pytest.mark.parametrize("overwrite", [True, False])
    def test_upload_with_wrong_checksum_keeps_old_file(self, bucket, user, size, overwrite):
        if overwrite:
            stored_file(user, bucket, content=b"before")
        with pytest.raises(ChecksumMismatch):
            stored_file(user, bucket, content=b"x" * size, checksum_sha256="0" * 64, overwrite=overwrite)
        assert not get_client().list_multipart_uploads(Bucket=bucket).get("Uploads")
        if overwrite:
            upload = FileUpload.objects.get()
            assert (upload.status, upload.size, upload.claimed_until) == (Status.STORED, 6, None)
            assert bytes_at(bucket) == b"before"
        else:
            assert not FileUpload.objects.exists()
            assert get_client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0

    def test_upload_to_missing_bucket_leaves_no_record(self, aws, user):
        with pytest.raises(BucketNotFound):
            stored_file(user, "missing-bucket")
        assert not FileUpload.objects.exists()

    def test_upload_with_invalid_names_is_refused_first(self, user, settings):
        settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = ["open"]
        for refused, where in (
            (InvalidBucketName, {"bucket": "No"}),
            (InvalidFileName, {"bucket": "open", "file_name": "../x"}),
            (BucketNotAllowed, {"bucket": "closed", "file_name": "x"}),
        ):
            with pytest.raises(refused):
                stored_file(user, **where)
        assert not FileUpload.objects.exists()

    def test_upload_beyond_limit_of_s3_is_refused(self, user):
        with pytest.raises(FileTooLarge):
            file_upload(
                user=user,
                owner=user,
                bucket="bucket-one",
                file_name="x",
                content=io.BytesIO(),
                size=MAX_OBJECT_BYTES + 1,
                content_type="x/y",
                original_name="x",
            )

    def test_upload_while_another_program_writes_is_refused(self, bucket, user):
        class Racing(io.BytesIO):
            def read(self, size=-1):
                data = super().read(size)
                if not data:
                    get_client().put_object(Bucket=bucket, Key="file", Body=b"stranger")
                return data

        arguments = {"bucket": bucket, "file_name": "file", "content_type": "x/y", "original_name": "x"}
        size = 8 * 2**20
        with pytest.raises(FileExists):
            file_upload(user=user, owner=user, content=Racing(b"x" * size), size=size, **arguments)
        assert bytes_at(bucket) == b"stranger"
        assert not FileUpload.objects.exists()

    def test_upload_replaced_before_verification_is_refused(self, bucket, user):
        events, stranger = get_client().meta.events, get_client(region="eu-west-1")

        def replace(**kwargs):
            events.unregister("after-call.s3.CompleteMultipartUpload", replace)
            stranger.put_object(Bucket=bucket, Key="file", Body=b"stranger")

        events.register("after-call.s3.CompleteMultipartUpload", replace)
        with pytest.raises(FileExists, match="Another program"):
            stored_file(user, bucket, content=b"x" * mib(8))
        assert bytes_at(bucket) == b"stranger"
        assert not FileUpload.objects.exists()

    def test_upload_signal_is_sent_after_commit(self, bucket, user, heard, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True) as callbacks:
            stored_file(user, bucket)
            assert heard == []
        assert len(callbacks) == 1
        assert heard == [(file_uploaded, "file")]
