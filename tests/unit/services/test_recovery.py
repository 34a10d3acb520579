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
from s3_file_uploader.s3.objects import head_object
from s3_file_uploader.services import file_delete, upload_complete, upload_delete, upload_settle
from s3_file_uploader.services.recovery import WRITTEN_BY, settle_on_error
from tests.unit.services.conftest import bytes_at, comparing_etags, on_event, refusing, sent, started, stored_file

Status = FileUpload.Status
pytestmark = pytest.mark.django_db


def put(upload, body=b"written", **metadata):
    get_client().put_object(Bucket=upload.bucket, Key=upload.file_name, Body=body, Metadata=metadata)


def objects_in(bucket):
    return get_client().list_objects_v2(Bucket=bucket)["KeyCount"]


def replaced_before_delete(upload):
    """Let another program replace the object after the app has looked at it, and before the deletion."""
    return on_event("provide-client-params.s3.DeleteObject", lambda **kwargs: put(upload, b"foreign"))


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
    def test_settle_first_upload_without_bytes_removes_the_record(self, first):
        upload_settle(upload=first)
        assert not FileUpload.objects.exists()

    def test_settle_first_upload_with_bytes_removes_both(self, first, bucket):
        put(first, **{WRITTEN_BY: str(first.claim_id)})
        upload_settle(upload=first)
        assert not FileUpload.objects.exists()
        assert objects_in(bucket) == 0

    def test_settle_removes_parts(self, first, bucket):
        get_client().create_multipart_upload(Bucket=bucket, Key="file")
        upload_settle(upload=first)
        assert not get_client().list_multipart_uploads(Bucket=bucket).get("Uploads")

    def test_settle_keeps_an_object_of_another_program(self, first, bucket):
        put(first, **{WRITTEN_BY: "another"})
        upload_settle(upload=first)
        assert not FileUpload.objects.exists()
        assert objects_in(bucket) == 1

    def test_settle_overwrite_without_bytes_keeps_the_file(self, overwriting):
        upload_settle(upload=overwriting)
        upload = FileUpload.objects.get()
        assert (upload.status, upload.checksum_sha256) == (Status.STORED, sha256(b"before").hexdigest())
        assert upload.claimed_until is None

    def test_settle_overwrite_with_bytes_updates_the_record(self, overwriting):
        put(overwriting, b"after!!", **{WRITTEN_BY: str(overwriting.claim_id)})
        upload_settle(upload=overwriting)
        upload = FileUpload.objects.get()
        assert (upload.status, upload.size) == (Status.STORED, 7)
        assert upload.checksum_sha256 == sha256(b"after!!").hexdigest()
        assert upload.etag == head_object(bucket=upload.bucket, key="file").etag

    def test_settle_overwrite_without_object_removes_the_record(self, overwriting, bucket):
        get_client().delete_object(Bucket=bucket, Key="file")
        upload_settle(upload=overwriting)
        assert not FileUpload.objects.exists()

    def test_settle_deletion_finishes_it(self, bucket, user):
        upload = stored_file(user, bucket)
        claim_record(upload, Status.DELETING)
        end_lease_in(upload, -1)
        upload_settle(upload=upload)
        assert not FileUpload.objects.exists()
        assert objects_in(bucket) == 0

    def test_upload_to_an_abandoned_key_settles_it(self, first, bucket, other):
        put(first, **{WRITTEN_BY: str(first.claim_id)})
        assert stored_file(other, bucket).user == other
        assert FileUpload.objects.get().status == Status.STORED

    def test_settle_during_a_live_lease_is_refused(self, bucket, user):
        upload = create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        with pytest.raises(ClaimLost):
            upload_settle(upload=upload)
        assert FileUpload.objects.get().claim_id == upload.claim_id

    def test_settle_while_s3_is_down_leaves_the_record(self, first):
        with Stubber(get_client()) as stub, pytest.raises(StorageUnavailable):
            stub.add_client_error("list_multipart_uploads", "503", http_status_code=503)
            upload_settle(upload=first)
        assert FileUpload.objects.get().is_abandoned
        upload_settle(upload=FileUpload.objects.get())
        assert not FileUpload.objects.exists()

    def test_settle_without_list_of_parts_removes_the_record(self, first):
        with Stubber(get_client()) as stub:
            stub.add_client_error("list_multipart_uploads", "NotImplemented", http_status_code=501)
            stub.add_client_error("head_object", "404", http_status_code=404)
            upload_settle(upload=first)
        assert not FileUpload.objects.exists()


class TestReplacedObjects:
    """Another program replaces an object while this app removes it."""

    @pytest.fixture(autouse=True)
    def comparing(self):
        with comparing_etags():
            yield

    def test_delete_spares_an_object_of_another_program(self, bucket, user, caplog):
        put(stored_file(user, bucket), b"foreign")
        file_delete(user=user, bucket=bucket, file_name="file")
        assert not FileUpload.objects.exists()
        assert bytes_at(bucket) == b"foreign"
        assert f"Bucket {bucket}: another program replaced an object, so it stays: file" in caplog.text

    def test_delete_without_the_ability_removes_what_is_there(self, bucket, user, settings):
        settings.S3_FILE_UPLOADER_STORE = ["checksum_trailers"]
        put(stored_file(user, bucket), b"foreign")
        file_delete(user=user, bucket=bucket, file_name="file")
        assert objects_in(bucket) == 0

    def test_settle_spares_an_object_that_came_after_the_look(self, first, bucket):
        put(first, **{WRITTEN_BY: str(first.claim_id)})
        with replaced_before_delete(first):
            upload_settle(upload=first)
        assert not FileUpload.objects.exists()
        assert bytes_at(bucket) == b"foreign"

    def test_delete_removes_a_late_write_of_the_same_claim(self, bucket, user):
        upload = stored_file(user, bucket)
        put(upload, b"late", **{WRITTEN_BY: str(upload.write_id)})
        file_delete(user=user, bucket=bucket, file_name="file")
        assert objects_in(bucket) == 0

    def test_delete_of_an_object_that_changes_twice_can_be_retried(self, bucket, user):
        upload = stored_file(user, bucket)
        own = {WRITTEN_BY: str(upload.write_id)}
        put(upload, b"late", **own)
        with refusing("DeleteObject", code="PreconditionFailed", status=412), pytest.raises(StorageUnavailable):
            file_delete(user=user, bucket=bucket, file_name="file")
        assert FileUpload.objects.get().is_abandoned
        file_delete(user=user, bucket=bucket, file_name="file")
        assert objects_in(bucket) == 0
        assert not FileUpload.objects.exists()

    def test_settle_of_a_halfway_deletion_spares_a_foreign_object(self, first, bucket):
        FileUpload.objects.update(status=Status.DELETING)
        put(first, b"foreign")
        upload_settle(upload=FileUpload.objects.get())
        assert not FileUpload.objects.exists()
        assert bytes_at(bucket) == b"foreign"

    def test_settle_of_a_halfway_deletion_removes_its_own_object(self, first, bucket):
        FileUpload.objects.update(status=Status.DELETING)
        put(first, **{WRITTEN_BY: str(first.write_id)})
        upload_settle(upload=FileUpload.objects.get())
        assert not FileUpload.objects.exists()
        assert objects_in(bucket) == 0

    def test_settle_of_a_halfway_deletion_without_object_ends(self, first):
        FileUpload.objects.update(status=Status.DELETING)
        upload_settle(upload=FileUpload.objects.get())
        assert not FileUpload.objects.exists()

    def test_delete_of_a_direct_upload_removes_what_its_url_wrote(self, bucket, user):
        upload = started(user, bucket, strategy="put").upload
        sent(upload)
        upload_complete(user=user, upload_id=upload.pk)
        put(upload, b"again")
        upload_delete(user=user, upload_id=upload.pk)
        assert objects_in(bucket) == 0


class TestInARequest:
    def test_failure_by_timeout_keeps_the_key_for_the_read_timeout(self, bucket, user, settings):
        settings.S3_FILE_UPLOADER_READ_TIMEOUT_SECONDS = 7
        upload = create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        with pytest.raises(StorageTimeout), settle_on_error(upload):
            raise StorageTimeout
        held_for = FileUpload.objects.get().claimed_until - timezone.now()
        assert timedelta(seconds=5) < held_for <= timedelta(seconds=7)

    def test_failure_by_unavailable_store_frees_the_key(self, bucket, user):
        upload = create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        with pytest.raises(StorageUnavailable), settle_on_error(upload):
            raise StorageUnavailable
        assert FileUpload.objects.get().is_abandoned
        assert stored_file(user, bucket).status == Status.STORED

    def test_failure_after_a_lost_claim_changes_nothing(self, first, bucket):
        holder = FileUpload.objects.get()
        claim_record(holder, Status.PENDING)
        put(holder, **{WRITTEN_BY: str(first.claim_id)})
        with pytest.raises(KeyError), settle_on_error(first):
            raise KeyError
        assert objects_in(bucket) == 1
        assert FileUpload.objects.get().claim_id == holder.claim_id

    def test_failure_of_the_database_settles_the_record(self, bucket, user):
        upload = create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        put(upload, **{WRITTEN_BY: str(upload.claim_id)})
        with pytest.raises(OperationalError), settle_on_error(upload):
            raise OperationalError
        assert not FileUpload.objects.exists()
        assert objects_in(bucket) == 0

    def test_overwrite_with_failed_commit_settles_the_record(self, bucket, user):
        upload = stored_file(user, bucket, content=b"before")
        claim_record(upload, Status.PENDING)
        put(upload, b"after!!", **{WRITTEN_BY: str(upload.claim_id)})
        etag = head_object(bucket=bucket, key="file").etag
        with pytest.raises(OperationalError), settle_on_error(upload), transaction.atomic():
            mark_stored(upload, size=7, etag=etag)
            raise OperationalError
        upload.refresh_from_db()
        assert (upload.status, upload.size, upload.etag, upload.claimed_until) == (Status.STORED, 7, etag, None)
        assert upload.checksum_sha256 == sha256(b"after!!").hexdigest()

    def test_failure_after_the_commit_ends_the_lease(self, bucket, user):
        upload = create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        put(upload, **{WRITTEN_BY: str(upload.claim_id)})
        with pytest.raises(OperationalError), settle_on_error(upload):
            mark_stored(upload, size=7, etag="e", completed_at=upload.created_at)
            raise OperationalError
        upload.refresh_from_db()
        assert (upload.status, upload.claimed_until) == (Status.STORED, None)
        assert objects_in(bucket) == 1

    def test_failure_of_the_cleaning_leaves_the_record(self, bucket, user):
        upload = create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        with Stubber(get_client()) as stub, suppress(KeyError), settle_on_error(upload):
            stub.add_client_error("list_multipart_uploads", "InternalError", http_status_code=500)
            raise KeyError
        assert FileUpload.objects.get().is_abandoned


class TestDeletion:
    def test_delete_without_the_right_keeps_the_file_stored(self, bucket, user):
        stored_file(user, bucket)
        with Stubber(get_client()) as stub, pytest.raises(StorageAccessDenied):
            stub.add_client_error("delete_object", "AccessDenied", http_status_code=403)
            file_delete(user=user, bucket=bucket, file_name="file")
        assert FileUpload.objects.get().status == Status.STORED

    def test_delete_after_an_outage_is_finished_by_the_next_request(self, bucket, user):
        stored_file(user, bucket)
        with Stubber(get_client()) as stub, pytest.raises(StorageUnavailable):
            stub.add_client_error("delete_object", "SlowDown", http_status_code=503)
            file_delete(user=user, bucket=bucket, file_name="file")
        assert FileUpload.objects.get().status == Status.DELETING
        file_delete(user=user, bucket=bucket, file_name="file")
        assert not FileUpload.objects.exists()
        assert objects_in(bucket) == 0

    def test_delete_after_an_unknown_error_is_tried_once_more(self, bucket, user):
        stored_file(user, bucket)
        with Stubber(get_client()) as stub, pytest.raises(StorageError):
            stub.add_client_error("delete_object", "InternalError", http_status_code=500)
            stub.add_response("list_multipart_uploads", {})
            stub.add_response("delete_object", {})
            file_delete(user=user, bucket=bucket, file_name="file")
        assert not FileUpload.objects.exists()
