from contextlib import suppress
from datetime import timedelta
from hashlib import sha256

import pytest
from botocore.stub import Stubber
from django.db import OperationalError, transaction
from django.utils import timezone

from s3_file_uploader.exceptions import (
    ClaimLost,
    StorageAccessDenied,
    StorageError,
    StorageTimeout,
    StorageUnavailable,
)
from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.lease import claim_record, create_claimed, end_lease_in
from s3_file_uploader.models.transitions import mark_stored
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import object_head
from s3_file_uploader.services import file_delete, upload_settle
from s3_file_uploader.services.recovery import WRITTEN_BY, settle_on_error
from tests.unit.services.conftest import stored_file

Status = FileUpload.Status
pytestmark = pytest.mark.django_db


def put(upload, body=b"written", **metadata):
    get_client().put_object(Bucket=upload.bucket, Key=upload.file_name, Body=body, Metadata=metadata)


def objects_in(bucket):
    return get_client().list_objects_v2(Bucket=bucket)["KeyCount"]


@pytest.fixture
def first(bucket, user):
    """A first upload whose worker died."""
    upload = create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
    end_lease_in(upload, -1)
    return upload


@pytest.fixture
def overwriting(bucket, user):
    """An overwrite whose worker died."""
    upload = stored_file(user, bucket, content=b"before")
    claim_record(upload, Status.PENDING)
    end_lease_in(upload, -1)
    return upload


class TestAfterACrash:
    def test_a_first_upload_that_sent_nothing(self, first):
        upload_settle(upload=first)
        assert not FileUpload.objects.exists()

    def test_a_first_upload_whose_bytes_arrived(self, first, bucket):
        put(first, **{WRITTEN_BY: str(first.claim_id)})
        upload_settle(upload=first)
        assert not FileUpload.objects.exists()
        assert objects_in(bucket) == 0

    def test_parts_are_removed(self, first, bucket):
        get_client().create_multipart_upload(Bucket=bucket, Key="file")
        upload_settle(upload=first)
        assert not get_client().list_multipart_uploads(Bucket=bucket).get("Uploads")

    def test_what_a_stranger_put_there_stays(self, first, bucket):
        put(first, **{WRITTEN_BY: "another"})
        upload_settle(upload=first)
        assert not FileUpload.objects.exists()
        assert objects_in(bucket) == 1

    def test_an_overwrite_that_sent_nothing(self, overwriting):
        upload_settle(upload=overwriting)
        upload = FileUpload.objects.get()
        assert (upload.status, upload.checksum_sha256) == (Status.STORED, sha256(b"before").hexdigest())
        assert upload.claimed_until is None

    def test_an_overwrite_whose_bytes_arrived(self, overwriting):
        put(overwriting, b"after!!", **{WRITTEN_BY: str(overwriting.claim_id)})
        upload_settle(upload=overwriting)
        upload = FileUpload.objects.get()
        assert (upload.status, upload.size) == (Status.STORED, 7)
        assert upload.checksum_sha256 == sha256(b"after!!").hexdigest()
        assert upload.etag == object_head(bucket=upload.bucket, key="file").etag

    def test_an_overwrite_of_what_has_gone(self, overwriting, bucket):
        get_client().delete_object(Bucket=bucket, Key="file")
        upload_settle(upload=overwriting)
        assert not FileUpload.objects.exists()

    def test_a_deletion(self, bucket, user):
        upload = stored_file(user, bucket)
        claim_record(upload, Status.DELETING)
        end_lease_in(upload, -1)
        upload_settle(upload=upload)
        assert not FileUpload.objects.exists()
        assert objects_in(bucket) == 0

    def test_the_next_upload_to_the_key_settles_it_by_itself(self, first, bucket, other):
        put(first, **{WRITTEN_BY: str(first.claim_id)})
        assert stored_file(other, bucket).user == other
        assert FileUpload.objects.get().status == Status.STORED

    def test_a_claim_that_still_runs_is_left_alone(self, bucket, user):
        upload = create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        with pytest.raises(ClaimLost):
            upload_settle(upload=upload)
        assert FileUpload.objects.get().claim_id == upload.claim_id

    def test_a_store_that_is_down_leaves_it_for_the_next_try(self, first):
        with Stubber(get_client()) as stub, pytest.raises(StorageUnavailable):
            stub.add_client_error("list_multipart_uploads", "503", http_status_code=503)
            upload_settle(upload=first)
        assert FileUpload.objects.get().is_abandoned
        upload_settle(upload=FileUpload.objects.get())
        assert not FileUpload.objects.exists()

    def test_a_store_that_cannot_list_parts(self, first):
        with Stubber(get_client()) as stub:
            stub.add_client_error("list_multipart_uploads", "NotImplemented", http_status_code=501)
            stub.add_client_error("head_object", "404", http_status_code=404)
            upload_settle(upload=first)
        assert not FileUpload.objects.exists()


class TestInARequest:
    def test_no_answer_in_time_keeps_the_key_for_as_long_as_s3_may_take(self, bucket, user, settings):
        settings.S3_FILE_UPLOADER_READ_TIMEOUT_SECONDS = 7
        upload = create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        with pytest.raises(StorageTimeout), settle_on_error(upload):
            raise StorageTimeout
        held_for = FileUpload.objects.get().claimed_until - timezone.now()
        assert timedelta(seconds=5) < held_for <= timedelta(seconds=7)

    def test_a_store_that_is_gone_frees_the_key_at_once(self, bucket, user):
        upload = create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        with pytest.raises(StorageUnavailable), settle_on_error(upload):
            raise StorageUnavailable
        assert FileUpload.objects.get().is_abandoned
        assert stored_file(user, bucket).status == Status.STORED

    def test_whoever_lost_the_claim_touches_nothing(self, first, bucket):
        holder = FileUpload.objects.get()
        claim_record(holder, Status.PENDING)
        put(holder, **{WRITTEN_BY: str(first.claim_id)})
        with pytest.raises(KeyError), settle_on_error(first):
            raise KeyError
        assert objects_in(bucket) == 1
        assert FileUpload.objects.get().claim_id == holder.claim_id

    def test_a_database_that_refuses_the_end(self, bucket, user):
        upload = create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        put(upload, **{WRITTEN_BY: str(upload.claim_id)})
        with pytest.raises(OperationalError), settle_on_error(upload):
            raise OperationalError
        assert not FileUpload.objects.exists()
        assert objects_in(bucket) == 0

    def test_a_commit_that_fails_at_the_very_end_of_an_overwrite(self, bucket, user):
        upload = stored_file(user, bucket, content=b"before")
        claim_record(upload, Status.PENDING)
        put(upload, b"after!!", **{WRITTEN_BY: str(upload.claim_id)})
        etag = object_head(bucket=bucket, key="file").etag
        with pytest.raises(OperationalError), settle_on_error(upload), transaction.atomic():
            mark_stored(upload, size=7, etag=etag)
            raise OperationalError
        upload.refresh_from_db()
        assert (upload.status, upload.size, upload.etag, upload.claimed_until) == (Status.STORED, 7, etag, None)
        assert upload.checksum_sha256 == sha256(b"after!!").hexdigest()

    def test_a_commit_whose_answer_was_lost(self, bucket, user):
        upload = create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        put(upload, **{WRITTEN_BY: str(upload.claim_id)})
        with pytest.raises(OperationalError), settle_on_error(upload):
            mark_stored(upload, size=7, etag="e", completed_at=upload.created_at)
            raise OperationalError
        upload.refresh_from_db()
        assert (upload.status, upload.claimed_until) == (Status.STORED, None)
        assert objects_in(bucket) == 1

    def test_a_cleaning_that_fails_is_left_for_later(self, bucket, user):
        upload = create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        with Stubber(get_client()) as stub, suppress(KeyError), settle_on_error(upload):
            stub.add_client_error("list_multipart_uploads", "InternalError", http_status_code=500)
            raise KeyError
        assert FileUpload.objects.get().is_abandoned


class TestDeletion:
    def test_a_missing_right_leaves_the_file_stored(self, bucket, user):
        stored_file(user, bucket)
        with Stubber(get_client()) as stub, pytest.raises(StorageAccessDenied):
            stub.add_client_error("delete_object", "AccessDenied", http_status_code=403)
            file_delete(user=user, bucket=bucket, file_name="file")
        assert FileUpload.objects.get().status == Status.STORED

    def test_a_store_that_was_down_is_asked_again_by_the_next_request(self, bucket, user):
        stored_file(user, bucket)
        with Stubber(get_client()) as stub, pytest.raises(StorageUnavailable):
            stub.add_client_error("delete_object", "SlowDown", http_status_code=503)
            file_delete(user=user, bucket=bucket, file_name="file")
        assert FileUpload.objects.get().status == Status.DELETING
        file_delete(user=user, bucket=bucket, file_name="file")
        assert not FileUpload.objects.exists()
        assert objects_in(bucket) == 0

    def test_any_other_answer_is_tried_once_more(self, bucket, user):
        stored_file(user, bucket)
        with Stubber(get_client()) as stub, pytest.raises(StorageError):
            stub.add_client_error("delete_object", "InternalError", http_status_code=500)
            stub.add_response("list_multipart_uploads", {})
            stub.add_response("delete_object", {})
            file_delete(user=user, bucket=bucket, file_name="file")
        assert not FileUpload.objects.exists()
