"""A direct upload is completed once, by the answers of S3, whatever other requests do meanwhile."""

import logging
from datetime import timedelta
from hashlib import sha256
from unittest.mock import Mock
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from s3_file_uploader.exceptions import (
    ClaimLost,
    FileExists,
    PartsMissing,
    StorageAccessDenied,
    StorageError,
    StorageTimeout,
    StorageUnavailable,
    UploadInProgress,
    UploadNotFound,
    UploadNotPending,
)
from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.direct_transitions import claim_from_client
from s3_file_uploader.models.lease import claim_abandoned, claim_record, create_claimed
from s3_file_uploader.models.transitions import remove_record
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import head_object
from s3_file_uploader.services import file_delete, file_find, upload_complete, upload_delete, upload_settle
from s3_file_uploader.services.direct_uploads.complete import complete_record
from tests.unit.services.conftest import (
    expire,
    meanwhile,
    objects_in,
    parts_left_in,
    refusing,
    sent,
    started,
    stored_file,
)
from tests.unit.services.direct_uploads.conftest import BIG, HOUR, MEDIUM, WAITING, complete, time_goes_by

pytestmark = WAITING
Status = FileUpload.Status


def everybody_sees_all(queryset, user):
    return queryset


class TestStored:
    @pytest.mark.parametrize("strategy", ["put", "post", "multipart"])
    @pytest.mark.parametrize("content", [b"", b"content"])
    def test_complete_by_each_strategy_stores_the_file(self, bucket, user, strategy, content):
        upload = started(user, bucket, size=len(content), strategy=strategy).upload
        sent(upload, content)
        stored = complete(user, upload)
        assert stored == FileUpload.objects.get()
        assert (stored.status, stored.size, stored.claimed_until) == (Status.STORED, len(content), None)
        assert stored.etag == head_object(bucket=bucket, key=upload.file_name).etag
        assert stored.checksum_sha256 == ""
        assert abs(stored.completed_at - timezone.now()) < timedelta(seconds=5)

    def test_complete_in_parts_stores_the_file(self, big, bucket, user):
        sent(big, BIG)
        stored = complete(user, big)
        assert (stored.status, stored.size) == (Status.STORED, len(BIG))
        assert get_client().get_object(Bucket=bucket, Key=big.file_name)["Body"].read() == BIG
        assert parts_left_in(bucket) == []

    @pytest.mark.parametrize("strategy", ["put", "multipart"])
    def test_complete_with_unannounced_size_stores_the_file(self, bucket, user, strategy):
        upload = started(user, bucket, size=None, strategy=strategy).upload
        sent(upload, BIG)
        assert complete(user, upload).size == len(BIG)

    def test_complete_empty_file_in_a_parts_only_store_stores_it(self, bucket, user, settings):
        settings.S3_FILE_UPLOADER_DIRECT_STRATEGIES = ["multipart"]
        upload = started(user, bucket, size=0).upload
        get_client().upload_part(
            Bucket=bucket, Key=upload.file_name, UploadId=upload.multipart_upload_id, PartNumber=1, Body=b""
        )
        assert (complete(user, upload).size, upload.strategy) == (0, "multipart")

    def test_complete_again_returns_the_same(self, put, bucket, user, reported, django_capture_on_commit_callbacks):
        sent(put)
        with django_capture_on_commit_callbacks(execute=True):
            first = complete(user, put)
            with refusing() as refused:
                again = complete(user, put)
        assert (again, again.completed_at, refused) == (first, first.completed_at, [])
        assert reported == [first]

    def test_complete_file_is_found_and_removed_as_others(self, put, bucket, user):
        sent(put)
        complete(user, put)
        assert file_find(user=user, bucket=bucket, file_name=put.file_name) == put
        file_delete(user=user, bucket=bucket, file_name=put.file_name)
        assert objects_in(bucket) == []
        assert not FileUpload.objects.visible_to(user).exists()

    def test_complete_of_a_server_upload_returns_it(self, bucket, user):
        upload = stored_file(user, bucket)
        assert complete(user, upload) == upload


class TestS3IsDown:
    @pytest.mark.parametrize("operation", ["ListParts", "CompleteMultipartUpload", "HeadObject"])
    @pytest.mark.parametrize(
        ("code", "status", "error"),
        [
            ("ServiceUnavailable", 503, StorageUnavailable),
            ("504", 504, StorageTimeout),
            ("AccessDenied", 403, StorageAccessDenied),
            ("InternalError", 500, StorageError),
        ],
    )
    def test_complete_while_s3_is_down_can_be_repeated(self, big, bucket, user, operation, code, status, error):
        sent(big, BIG)
        with refusing(operation, code=code, status=status), pytest.raises(error):
            complete(user, big)
        assert FileUpload.objects.get().status == Status.PENDING
        if (operation, error) == ("CompleteMultipartUpload", StorageTimeout):  # S3 may be at it still.
            with pytest.raises(UploadInProgress):
                complete(user, big)
            time_goes_by(big)
        assert complete(user, big).status == Status.STORED
        assert parts_left_in(bucket) == []

    @pytest.mark.parametrize("content", [b"content", MEDIUM])
    def test_complete_while_s3_fails_during_the_read_can_be_repeated(self, bucket, user, content):
        checksum = sha256(content).hexdigest()
        upload = started(user, bucket, size=len(content), checksum_sha256=checksum).upload
        sent(upload, content)
        with refusing("GetObject"), pytest.raises(StorageUnavailable):
            complete(user, upload)
        assert complete(user, upload).status == Status.STORED

    def test_complete_of_a_key_the_store_refuses_is_file_exists(self, big, bucket, user):
        sent(big, BIG)
        with refusing("CompleteMultipartUpload", code="XMinioParentIsObject", status=400):
            with pytest.raises(FileExists, match="part of the name is a file"):
                complete(user, big)
        assert complete(user, big).status == Status.STORED


class TestMeanwhile:
    """Other requests act between two steps of a completion."""

    def abort(self, user, upload):
        return lambda: upload_delete(user=user, upload_id=upload.pk)

    def nothing_is_left(self, bucket, user):
        return (objects_in(bucket), parts_left_in(bucket), FileUpload.objects.visible_to(user).count()) == ([], [], 0)

    @pytest.mark.parametrize(
        ("step", "after"),
        [
            ("ListParts", False),
            ("ListParts", True),
            ("CompleteMultipartUpload", True),
            ("HeadObject", False),
            ("HeadObject", True),
        ],
    )
    def test_complete_against_an_abort_ends_as_removed(self, big, bucket, user, step, after):
        sent(big, BIG)
        with meanwhile(step, self.abort(user, big), after=after):
            with pytest.raises((UploadNotPending, UploadNotFound, UploadInProgress)):
                complete(user, big)
        assert self.nothing_is_left(bucket, user)

    def test_complete_against_abort_before_join_ends_as_removed(self, big, bucket, user):
        sent(big, BIG)

        def abort_and_answer():  # moto would fall over an upload that it does not know.
            upload_delete(user=user, upload_id=big.pk)
            raise ClientError({"Error": {"Code": "NoSuchUpload"}}, "CompleteMultipartUpload")

        with meanwhile("CompleteMultipartUpload", abort_and_answer), pytest.raises(UploadNotPending):
            complete(user, big)
        assert self.nothing_is_left(bucket, user)
        with pytest.raises(UploadNotFound):
            complete(user, big)

    @pytest.mark.parametrize(
        ("content", "step", "after"),
        [
            (b"content", "GetObject", False),
            (b"content", "GetObject", True),
            (MEDIUM, "HeadObject", False),
            (MEDIUM, "HeadObject", True),
            (MEDIUM, "GetObject", False),
        ],
    )
    @pytest.mark.parametrize("strategy", ["put", "post"])
    def test_complete_in_one_request_against_abort_ends_as_removed(self, bucket, user, strategy, content, step, after):
        """Its sender is not told to send it once more."""
        checksum = sha256(content).hexdigest()
        upload = started(user, bucket, strategy=strategy, size=len(content), checksum_sha256=checksum).upload
        sent(upload, content)
        with meanwhile(step, self.abort(user, upload), after=after), pytest.raises(UploadNotPending):
            complete(user, upload)
        assert self.nothing_is_left(bucket, user)

    def test_complete_against_an_abort_removes_the_new_object(self, big, bucket, user):
        """The abort came before S3 made the object, and looked for one before, too."""
        sent(big, BIG)

        def abort_as_if_earlier():
            upload = FileUpload.objects.get()
            claim_from_client(upload)
            remove_record(upload)

        with meanwhile("CompleteMultipartUpload", abort_as_if_earlier):
            with pytest.raises(UploadNotPending):
                complete(user, big)
        assert self.nothing_is_left(bucket, user)
        (tombstone,) = FileUpload.objects.all()
        assert (tombstone.status, tombstone.user) == (Status.DELETING, None)

    def test_complete_against_expiry_ends_as_removed(self, put, bucket, user):
        sent(put)

        def settle():
            upload_settle(upload=expire(put))

        with meanwhile("GetObject", settle, after=True), pytest.raises(UploadNotPending):
            complete(user, put)
        assert self.nothing_is_left(bucket, user)

    def test_complete_while_it_is_settled_ends_as_removed(self, put, bucket, user):
        sent(put)
        with (
            meanwhile("GetObject", lambda: claim_abandoned(expire(put)), after=True),
            pytest.raises(UploadNotPending),
        ):
            complete(user, put)
        assert objects_in(bucket) == []

    @pytest.mark.parametrize(
        ("step", "after"),
        [
            ("ListParts", False),
            ("ListParts", True),
            ("CompleteMultipartUpload", True),
            ("HeadObject", False),
            ("HeadObject", True),
        ],
    )
    def test_complete_against_another_completion_returns_the_file(
        self, big, bucket, user, step, after, reported, django_capture_on_commit_callbacks
    ):
        sent(big, BIG)
        with django_capture_on_commit_callbacks(execute=True):
            with meanwhile(step, lambda: complete(user, big), after=after):
                stored = complete(user, big)
        assert (stored, stored.status) == (FileUpload.objects.get(), Status.STORED)
        assert reported == [stored]
        assert head_object(bucket=bucket, key=big.file_name).size == len(BIG)

    def test_complete_after_s3_gave_up_is_refused(self, big, bucket, user):
        get_client().abort_multipart_upload(Bucket=bucket, Key=big.file_name, UploadId=big.multipart_upload_id)
        for _ in range(2):
            with pytest.raises(UploadNotPending, match="delete it and start a new one"):
                complete(user, big)
        upload_delete(user=user, upload_id=big.pk)

    def test_complete_against_a_faster_expiry_ends_as_removed(self, big, bucket, user):
        """A completion during the removal does not report the file as stored."""
        sent(big, BIG)

        def complete_too():
            with pytest.raises(UploadNotPending):
                complete(user, big)

        with meanwhile("AbortMultipartUpload", complete_too):
            upload_settle(upload=expire(big))
        assert self.nothing_is_left(bucket, user)

    def test_complete_against_a_slower_expiry_stores_the_file(self, put, bucket, user):
        sent(put)
        held = expire(put)
        stored = complete(user, put)
        with pytest.raises(ClaimLost):
            upload_settle(upload=held)
        assert (FileUpload.objects.get().status, objects_in(bucket)) == (Status.STORED, [stored.file_name])

    def test_complete_against_completion_and_delete_is_not_found(self, put, bucket, user):
        sent(put)

        def complete_and_remove():
            complete(user, put)
            upload_delete(user=user, upload_id=put.pk)

        with meanwhile("GetObject", complete_and_remove, after=True), pytest.raises(UploadNotPending):
            complete(user, put)
        assert self.nothing_is_left(bucket, user)

    def test_complete_against_complete_and_overwrite_returns_file(self, put, bucket, user):
        """The object is no longer that of this upload: it stays."""
        sent(put)

        def complete_and_claim():
            complete(user, put)
            claim_record(FileUpload.objects.get(), Status.PENDING)

        with meanwhile("GetObject", complete_and_claim, after=True), pytest.raises(UploadNotPending):
            complete(user, put)
        assert objects_in(bucket) == [put.file_name]

    def test_complete_with_lagging_replica_keeps_the_object(self, put, bucket, user, monkeypatch):
        """Another request has completed the upload, but this one still reads the record as it was before."""
        sent(put)
        monkeypatch.setattr(f"{complete_record.__module__}.keep_completion_lease", Mock(side_effect=ClaimLost))
        with pytest.raises(UploadInProgress):
            complete(user, put)
        assert objects_in(bucket) == [put.file_name]

    def test_complete_after_another_upload_took_the_key_is_not_found(self, put, bucket, user, other):
        sent(put)

        def be_followed():
            FileUpload.objects.all().delete()
            get_client().delete_object(Bucket=bucket, Key=put.file_name)
            get_client().put_object(Bucket=bucket, Key=put.file_name, Body=b"content", ContentType="text/plain")
            create_claimed(user_id=other.pk, bucket=bucket, file_name=put.file_name)

        with meanwhile("GetObject", be_followed, after=True), pytest.raises(UploadNotFound):
            complete(user, put)
        assert objects_in(bucket) == [put.file_name]

    def test_complete_after_the_record_is_gone_removes_the_object(self, put, bucket, user):
        sent(put)
        with meanwhile("GetObject", FileUpload.objects.all().delete, after=True), pytest.raises(UploadNotFound):
            complete(user, put)
        assert objects_in(bucket) == []

    def test_complete_renews_the_lease_while_it_reads(self, bucket, user):
        checksum = sha256(MEDIUM).hexdigest()
        upload = started(user, bucket, size=len(MEDIUM), checksum_sha256=checksum).upload
        sent(upload, MEDIUM)
        FileUpload.objects.update(claimed_until=timezone.now() - HOUR)
        with meanwhile("GetObject", lambda: leases.append(FileUpload.objects.get().claimed_until)):
            leases = []
            complete(user, upload)
        assert leases[0] > timezone.now() + timedelta(minutes=14)

    def test_complete_without_bytes_renews_no_lease(self, put, user):
        expire(put)
        with pytest.raises(PartsMissing):
            complete(user, put)
        assert FileUpload.objects.get().is_abandoned

    def test_complete_keeps_renewed_url_times(self, put, user):
        sent(put)
        later = timezone.now() + 3 * HOUR
        with meanwhile("GetObject", lambda: FileUpload.objects.update(writable_until=later)):
            complete(user, put)
        assert FileUpload.objects.get().writable_until == later


class TestWho:
    def test_complete_by_staff_stores_for_the_owner(self, put, staff):
        sent(put)
        assert complete(staff, put).status == Status.STORED

    def test_complete_by_another_user_is_not_found(self, put, bucket, other, settings):
        sent(put)
        settings.S3_FILE_UPLOADER_VISIBLE_TO = f"{__name__}.everybody_sees_all"
        for user in (other, AnonymousUser()):
            with pytest.raises(UploadNotFound):
                complete(user, put)
        assert FileUpload.objects.get().status == Status.PENDING

    @pytest.mark.parametrize("upload_id", ["", "x", uuid4(), None])
    def test_complete_of_a_malformed_id_is_not_found(self, user, upload_id):
        with pytest.raises(UploadNotFound):
            upload_complete(user=user, upload_id=upload_id)

    def test_complete_of_a_pending_server_upload_is_refused(self, bucket, user):
        upload = create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        with pytest.raises(UploadNotPending):
            complete(user, upload)

    def test_complete_writes_one_log_line(self, put, user, caplog):
        caplog.set_level(logging.INFO, "s3_file_uploader")
        with pytest.raises(PartsMissing):
            complete(user, put)
        (record,) = [record for record in caplog.records if record.name == "s3_file_uploader"]
        assert (record.operation["operation"], record.operation["outcome"]) == ("upload_complete", "PartsMissing")
