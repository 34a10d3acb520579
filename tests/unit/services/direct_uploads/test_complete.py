"""A direct upload is completed once, by the answers of S3, whatever other requests do meanwhile."""

import io
import logging
from base64 import b64encode
from datetime import timedelta
from hashlib import sha256
from unittest.mock import Mock
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import Stubber
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError, connection
from django.utils import timezone

from s3_file_uploader.exceptions import (
    BucketNotFound,
    ChecksumMismatch,
    ClaimLost,
    ContentTypeMismatch,
    FileExists,
    FileTooLarge,
    PartsMissing,
    SizeMismatch,
    StorageAccessDenied,
    StorageError,
    StorageTimeout,
    StorageUnavailable,
    UploadInProgress,
    UploadNotFound,
    UploadNotPending,
)
from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.direct_transitions import begin_joining, claim_from_client, end_joining
from s3_file_uploader.models.lease import claim_abandoned, claim_record, create_claimed
from s3_file_uploader.models.transitions import mark_stored, remove_record
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import head_object
from s3_file_uploader.services import (
    file_delete,
    file_find,
    housekeeping_run,
    upload_complete,
    upload_delete,
    upload_settle,
)
from s3_file_uploader.services.direct_uploads.complete import complete_arrived, complete_record
from s3_file_uploader.services.reports import Kind, Outcome
from s3_file_uploader.signals import file_uploaded
from s3_file_uploader.values import mib
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

Status = FileUpload.Status
pytestmark = [pytest.mark.django_db, pytest.mark.slow]  # It waits for other requests.
CHECKSUM = sha256(b"content").hexdigest()
BIG = b"0123456789" * mib(2)
HOUR = timedelta(hours=1)


def complete(user, upload):
    return upload_complete(user=user, upload_id=upload.pk)


def time_goes_by(upload):
    """Let S3 be done with what it was asked for; the client still has its own time."""
    FileUpload.objects.filter(pk=upload.pk).update(writable_until=timezone.now() - HOUR)


def everybody_sees_all(queryset, user):
    return queryset


@pytest.fixture(autouse=True)
def no_waits(monkeypatch):
    monkeypatch.setattr("s3_file_uploader.services.direct_uploads.verify.WAITS_SECONDS", (0, 0))


@pytest.fixture
def put(bucket, user):
    return started(user, bucket).upload


@pytest.fixture
def big(bucket, user):
    return started(user, bucket, size=len(BIG)).upload


@pytest.fixture
def reported():
    """Return the uploads that listeners to `file_uploaded` received."""
    heard = []

    def listen(upload, **kwargs):
        heard.append(upload)

    file_uploaded.connect(listen)
    yield heard
    file_uploaded.disconnect(listen)


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


class TestChecksum:
    @pytest.mark.parametrize("content", [b"", b"content", BIG])
    def test_checksum_that_matches_is_stored(self, bucket, user, content):
        checksum = sha256(content).hexdigest()
        upload = started(user, bucket, size=len(content), checksum_sha256=checksum).upload
        sent(upload, content)
        assert complete(user, upload).checksum_sha256 == checksum

    @pytest.mark.parametrize("content", [b"CONTENT", BIG])
    def test_checksum_that_differs_removes_the_file(self, bucket, user, content):
        upload = started(user, bucket, size=len(content), checksum_sha256=CHECKSUM).upload
        sent(upload, content)
        with pytest.raises(ChecksumMismatch, match="start a new upload"):
            complete(user, upload)
        assert objects_in(bucket) == []
        assert not FileUpload.objects.visible_to(user).exists()

    def head(self, stub, upload, *, is_read=True, **checksum):
        described = {"ContentLength": 7, "ETag": '"e"', "ContentType": "text/plain", "LastModified": timezone.now()}
        address = {"Bucket": upload.bucket, "Key": upload.file_name}
        where = {**address, "ChecksumMode": "ENABLED"}
        stub.add_response("head_object", {**described, **checksum}, where)
        body = StreamingBody(io.BytesIO(b"content"), 7)
        if is_read:
            stub.add_response("get_object", {"ETag": '"e"', "Body": body}, {**address, "Range": "bytes=0-6"})

    def test_checksum_kept_by_aws_spares_the_read(self, bucket, user):
        upload = started(user, bucket, checksum_sha256=CHECKSUM).upload
        with Stubber(get_client()) as stub:
            self.head(stub, upload, is_read=False, ChecksumSHA256=in_base64(sha256(b"CONTENT").hexdigest()))
            with pytest.raises(ChecksumMismatch):
                stub.add_response("list_multipart_uploads", {})
                stub.add_response("delete_object", {})
                complete(user, upload)
        again = started(user, bucket, checksum_sha256=CHECKSUM).upload
        with Stubber(get_client()) as stub:
            self.head(stub, again, ChecksumSHA256=in_base64(CHECKSUM), ChecksumType="FULL_OBJECT")
            assert complete(user, again).checksum_sha256 == CHECKSUM

    def test_checksum_kept_by_aws_is_stored_if_none_was_announced(self, put, user):
        with Stubber(get_client()) as stub:
            self.head(stub, put, ChecksumSHA256=in_base64(CHECKSUM))
            assert complete(user, put).checksum_sha256 == CHECKSUM

    @pytest.mark.parametrize(
        "checksum", [{"ChecksumSHA256": "x-3"}, {"ChecksumSHA256": "eA==", "ChecksumType": "COMPOSITE"}]
    )
    def test_checksum_of_parts_is_not_the_files(self, put, user, checksum):
        with Stubber(get_client()) as stub:
            self.head(stub, put, **checksum)
            assert complete(user, put).checksum_sha256 == ""

    def test_checksum_of_bytes_changed_while_read_is_an_error(self, bucket, user):
        upload = started(user, bucket, checksum_sha256=CHECKSUM).upload
        sent(upload)
        with meanwhile("GetObject", lambda: sent(upload, b"CONTENT")), pytest.raises(StorageError):
            complete(user, upload)
        with pytest.raises(ChecksumMismatch):
            complete(user, upload)

    def test_checksum_of_bytes_removed_while_read_is_missing(self, bucket, user):
        upload = started(user, bucket, checksum_sha256=CHECKSUM).upload
        sent(upload)

        def remove():
            get_client().delete_object(Bucket=bucket, Key=upload.file_name)

        with meanwhile("GetObject", remove), pytest.raises(PartsMissing):
            complete(user, upload)
        assert FileUpload.objects.get().status == Status.PENDING


def in_base64(checksum):
    return b64encode(bytes.fromhex(checksum)).decode()


class TestNotWhole:
    @pytest.mark.parametrize("strategy", ["put", "post"])
    def test_complete_without_bytes_is_missing(self, bucket, user, strategy):
        upload = started(user, bucket, strategy=strategy).upload
        with pytest.raises(PartsMissing, match="has not arrived"):
            complete(user, upload)
        sent(upload)
        assert complete(user, upload).status == Status.STORED

    def test_complete_without_some_parts_names_them(self, big, user):
        sent(big, BIG, only=[2])
        with pytest.raises(PartsMissing, match=r"send 1, 3, then complete"):
            complete(user, big)
        sent(big, BIG, only=[1, 3])
        assert complete(user, big).status == Status.STORED

    def test_complete_without_many_parts_names_some(self, bucket, user):
        upload = started(user, bucket, size=mib(32) * 50).upload
        with pytest.raises(PartsMissing, match=r"send 1, 2, .*, 20 and 30 more, then"):
            complete(user, upload)

    @pytest.mark.parametrize("only", [[], [2]])
    def test_complete_unannounced_with_a_gap_is_missing(self, bucket, user, only):
        upload = started(user, bucket, size=None).upload
        sent(upload, BIG, only=only or [3])
        with pytest.raises(PartsMissing, match="send 1"):
            complete(user, upload)

    def test_complete_unannounced_without_parts_is_missing(self, bucket, user):
        with pytest.raises(PartsMissing, match="send 1, then"):
            complete(user, started(user, bucket, size=None).upload)

    def test_complete_with_a_part_of_wrong_size_names_it(self, big, user):
        sent(big, BIG)
        sent(big, BIG[:-1], only=[3])
        with pytest.raises(SizeMismatch, match="send 3 again, as planned"):
            complete(user, big)
        sent(big, BIG, only=[3])
        assert complete(user, big).status == Status.STORED

    def test_complete_with_unplanned_part_removes_the_upload(self, big, bucket, user):
        sent(big, BIG)
        get_client().upload_part(
            Bucket=bucket, Key=big.file_name, UploadId=big.multipart_upload_id, PartNumber=99, Body=b"excess"
        )
        with pytest.raises(FileTooLarge, match=f"{len(BIG)} bytes were announced and the parts come to {len(BIG) + 6}"):
            complete(user, big)
        assert (parts_left_in(bucket), FileUpload.objects.visible_to(user).count()) == ([], 0)

    def test_complete_with_a_part_sent_again_meanwhile_stores_it(self, big, user):
        sent(big, BIG)
        with meanwhile("CompleteMultipartUpload", lambda: sent(big, BIG[::-1], only=[1])):
            with pytest.raises(PartsMissing, match="other parts than a moment ago"):
                complete(user, big)
        assert complete(user, big).status == Status.STORED

    def test_complete_with_too_small_parts_is_refused(self, bucket, user, settings):
        settings.S3_FILE_UPLOADER_DIRECT_PART_SIZE_BYTES = 3
        upload = started(user, bucket, strategy="multipart").upload
        sent(upload)
        with pytest.raises(SizeMismatch, match="5 MiB"):
            complete(user, upload)

    def test_complete_of_an_unbegun_upload_is_missing(self, bucket, user):
        with refusing("CreateMultipartUpload"), pytest.raises(StorageUnavailable):
            started(user, bucket, size=len(BIG))
        with pytest.raises(PartsMissing):
            complete(user, FileUpload.objects.get())

    def test_complete_in_a_missing_bucket_is_not_found(self, bucket, put, big, user):
        parts = {"Bucket": bucket, "Key": big.file_name, "UploadId": big.multipart_upload_id}
        get_client().abort_multipart_upload(**parts)
        get_client().delete_bucket(Bucket=bucket)
        for upload in (put, big):
            with pytest.raises(BucketNotFound):
                complete(user, upload)


class TestSomethingElse:
    @pytest.mark.parametrize("content", [b"", b"conten", b"contents"])
    def test_complete_with_another_size_removes_the_file(self, put, bucket, user, content):
        sent(put, content)
        with pytest.raises(SizeMismatch, match=f"7 bytes were announced and {len(content)} arrived"):
            complete(user, put)
        assert objects_in(bucket) == []
        with pytest.raises(UploadNotFound):
            complete(user, put)

    def test_complete_with_another_type_removes_the_file(self, put, bucket, user):
        sent(put, content_type="text/html")
        with pytest.raises(ContentTypeMismatch, match="as 'text/html' and not as 'text/plain'"):
            complete(user, put)
        assert objects_in(bucket) == []

    def test_complete_of_file_that_stays_in_s3_never_stores_it(self, put, bucket, user):
        sent(put, b"contents")
        with refusing("DeleteObject"), pytest.raises(StorageUnavailable):
            complete(user, put)
        assert FileUpload.objects.get().status == Status.DELETING
        with pytest.raises(UploadNotPending):
            complete(user, put)
        housekeeping_run()
        assert objects_in(bucket) == []

    def test_complete_without_the_right_to_remove_never_stores_it(self, put, bucket, user):
        sent(put, b"contents")
        with refusing("DeleteObject", code="AccessDenied", status=403), pytest.raises(StorageAccessDenied):
            complete(user, put)
        assert (FileUpload.objects.get().status, FileUpload.objects.get().user) == (Status.DELETING, user)
        housekeeping_run()
        assert objects_in(bucket) == []

    def test_complete_by_two_requests_removes_the_file_once(self, put, bucket, user):
        sent(put, b"contents")

        def find_too():
            with pytest.raises(SizeMismatch):
                complete(user, put)

        with meanwhile("HeadObject", find_too, after=True), pytest.raises(UploadNotPending):
            complete(user, put)
        assert objects_in(bucket) == []


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

    def test_complete_while_s3_fails_during_the_read_can_be_repeated(self, bucket, user):
        upload = started(user, bucket, checksum_sha256=CHECKSUM).upload
        sent(upload)
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

    @pytest.mark.parametrize(("step", "after"), [("HeadObject", False), ("HeadObject", True), ("GetObject", False)])
    @pytest.mark.parametrize("strategy", ["put", "post"])
    def test_complete_in_one_request_against_abort_ends_as_removed(self, bucket, user, strategy, step, after):
        """Its sender is not told to send it once more."""
        upload = started(user, bucket, strategy=strategy, checksum_sha256=CHECKSUM).upload
        sent(upload)
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

        with meanwhile("HeadObject", settle, after=True), pytest.raises(UploadNotPending):
            complete(user, put)
        assert self.nothing_is_left(bucket, user)

    def test_complete_while_it_is_settled_ends_as_removed(self, put, bucket, user):
        sent(put)
        with (
            meanwhile("HeadObject", lambda: claim_abandoned(expire(put)), after=True),
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

        with meanwhile("HeadObject", complete_and_remove, after=True), pytest.raises(UploadNotPending):
            complete(user, put)
        assert self.nothing_is_left(bucket, user)

    def test_complete_against_complete_and_overwrite_returns_file(self, put, bucket, user):
        """The object is no longer that of this upload: it stays."""
        sent(put)

        def complete_and_claim():
            complete(user, put)
            claim_record(FileUpload.objects.get(), Status.PENDING)

        with meanwhile("HeadObject", complete_and_claim, after=True), pytest.raises(UploadNotPending):
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

        with meanwhile("HeadObject", be_followed, after=True), pytest.raises(UploadNotFound):
            complete(user, put)
        assert objects_in(bucket) == [put.file_name]

    def test_complete_after_the_record_is_gone_removes_the_object(self, put, bucket, user):
        sent(put)
        with meanwhile("HeadObject", FileUpload.objects.all().delete, after=True), pytest.raises(UploadNotFound):
            complete(user, put)
        assert objects_in(bucket) == []

    def test_complete_renews_the_lease_while_it_reads(self, bucket, user):
        upload = started(user, bucket, checksum_sha256=CHECKSUM).upload
        sent(upload)
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
        with meanwhile("HeadObject", lambda: FileUpload.objects.update(writable_until=later)):
            complete(user, put)
        assert FileUpload.objects.get().writable_until == later


class TestJoining:
    """S3 is asked to join the parts by one request at a time: the JuiceFS gateway loses files that two join at once."""

    def by_another(self, upload):
        """Act as the request that has S3 join the parts."""
        another = FileUpload.objects.get(pk=upload.pk)
        assert begin_joining(another)
        return another

    def joined(self, upload):
        where = {"Bucket": upload.bucket, "Key": upload.file_name, "UploadId": upload.multipart_upload_id}
        parts = [
            {"PartNumber": part["PartNumber"], "ETag": part["ETag"]}
            for part in get_client().list_parts(**where)["Parts"]
        ]
        get_client().complete_multipart_upload(**where, MultipartUpload={"Parts": parts})

    def test_join_marks_the_upload_writable(self, big, user):
        sent(big, BIG)
        with meanwhile("CompleteMultipartUpload", lambda: until.append(FileUpload.objects.get().writable_until)):
            until = []
            complete(user, big)
        assert until[0] > timezone.now() + timedelta(minutes=14)

    def test_join_by_another_request_is_not_repeated(self, big, user, reported, django_capture_on_commit_callbacks):
        def ask():
            with refusing("ListParts", "CompleteMultipartUpload") as refused, pytest.raises(UploadInProgress):
                complete(user, big)
            assert refused == []

        sent(big, BIG)
        with django_capture_on_commit_callbacks(execute=True), meanwhile("CompleteMultipartUpload", ask):
            stored = complete(user, big)
        assert (stored.status, reported) == (Status.STORED, [stored])

    def test_join_begun_by_another_just_before_is_awaited(self, big, user):
        sent(big, BIG)
        with meanwhile("ListParts", lambda: self.by_another(big), after=True):
            with refusing("CompleteMultipartUpload") as refused, pytest.raises(UploadInProgress):
                complete(user, big)
        assert refused == []

    def test_join_by_another_is_awaited_and_stored(self, big, user):
        sent(big, BIG)
        self.by_another(big)
        with meanwhile("HeadObject", lambda: self.joined(big), after=True):
            assert complete(user, big).status == Status.STORED

    def test_join_and_completion_by_another_returns_the_file(self, big, user):
        sent(big, BIG)
        another = self.by_another(big)

        def say_so():
            self.joined(big)
            mark_stored(another, size=len(BIG), etag="of-another", completed_at=timezone.now())

        with meanwhile("HeadObject", say_so, after=True):
            assert complete(user, big).etag == "of-another"

    def test_join_that_fails_elsewhere_is_repeated(self, big, user):
        sent(big, BIG)
        another = self.by_another(big)
        with meanwhile("HeadObject", lambda: end_joining(another, 0), after=True):
            assert complete(user, big).status == Status.STORED

    def test_join_aborted_while_waiting_ends_as_removed(self, big, user):
        sent(big, BIG)
        self.by_another(big)
        with meanwhile("HeadObject", lambda: upload_delete(user=user, upload_id=big.pk), after=True):
            with pytest.raises(UploadNotPending):
                complete(user, big)

    def test_join_without_parts_returns_the_object_of_another(self, big, user):
        def join():
            self.by_another(big)
            self.joined(big)

        sent(big, BIG)
        with meanwhile("ListParts", join):
            assert complete(user, big).status == Status.STORED

    def test_join_with_some_parts_gone_returns_the_object_of_another(self, big, user):
        """Their sender is not told to send them once more."""
        sent(big, BIG, only=[1, 3])
        with meanwhile("ListParts", lambda: self.by_another(big), after=True), pytest.raises(UploadInProgress):
            complete(user, big)

    @pytest.mark.parametrize("size", [len(BIG), None])
    def test_join_with_an_object_ignores_remaining_parts(self, bucket, user, size):
        """S3 was killed before it had removed all of them."""
        upload = started(user, bucket, size=size).upload
        sent(upload, BIG, only=[1])
        self.by_another(upload)
        get_client().put_object(Bucket=bucket, Key=upload.file_name, Body=BIG, ContentType="text/plain")
        time_goes_by(upload)
        assert complete(user, upload).size == len(BIG)

    def test_join_without_an_object_reports_missing_parts(self, big, user):
        sent(big, BIG, only=[1])
        end_joining(self.by_another(big), 0)
        with pytest.raises(PartsMissing, match="send 2, 3"):
            complete(user, big)

    def test_join_after_a_kill_waits_for_its_time(self, big, user):
        sent(big, BIG)
        self.by_another(big)
        with pytest.raises(UploadInProgress):
            complete(user, big)
        time_goes_by(big)
        assert complete(user, big).status == Status.STORED


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


class TestArrived:
    """Clients that are gone, or never say that they are done."""

    @pytest.fixture(autouse=True)
    def a_while_ago(self, put, bucket, user):
        self.form = started(user, bucket, strategy="post").upload
        self.put = put
        self.later()

    def later(self):
        FileUpload.objects.update(created_at=timezone.now() - HOUR)

    def statuses(self):
        return [upload.status for upload in (self.put, self.form) if not upload.refresh_from_db()]

    def test_complete_arrived_stores_whole_uploads(self, reported, django_capture_on_commit_callbacks):
        sent(self.put)
        sent(self.form)
        with django_capture_on_commit_callbacks(execute=True):
            assert complete_arrived() == (2, 0)
        assert self.statuses() == [Status.STORED, Status.STORED]
        assert set(reported) == {self.put, self.form}

    def test_housekeeping_counts_completed_uploads(self):
        sent(self.put)
        report = housekeeping_run()
        assert (report.uploads_completed, report.records_settled, report.is_complete) == (1, 0, True)

    def test_complete_arrived_dry_run_changes_nothing(self):
        sent(self.put)
        sent(self.form, b"contents")
        for upload in (self.put, self.form):
            expire(upload)
        told_before, reported = [], []
        foretold = housekeeping_run(dry_run=True, on_finding=told_before.append)
        assert self.statuses() == [Status.PENDING, Status.PENDING]
        done = housekeeping_run(on_finding=reported.append)
        (arrived,) = (finding for finding in reported if finding.kind == Kind.UPLOAD_ARRIVED)
        assert (arrived.record_id, arrived.outcome) == (self.put.pk, Outcome.UPLOAD_COMPLETED)
        assert [finding.record_id for finding in told_before if finding.kind == Kind.UPLOAD_ARRIVED] == [self.put.pk]
        assert (foretold.uploads_completed, foretold.records_settled) == (1, 1)
        assert done.uploads_completed == 1

    def test_complete_arrived_dry_run_without_s3_counts_failures(self):
        with refusing("HeadObject"):
            report = housekeeping_run(dry_run=True)
        assert (report.uploads_completed, report.records_left) == (0, 2)

    @pytest.mark.parametrize("dry_run", [False, True])
    def test_complete_arrived_leaves_uploads_without_bytes(self, dry_run):
        assert complete_arrived(dry_run=dry_run) == (0, 0)
        assert self.statuses() == [Status.PENDING, Status.PENDING]

    def test_housekeeping_removes_expired_uploads_without_bytes(self):
        for upload in (self.put, self.form):
            expire(upload)
        FileUpload.objects.update(writable_until=timezone.now() - HOUR)
        report = housekeeping_run()
        assert (report.uploads_completed, report.records_settled) == (0, 2)
        assert not FileUpload.objects.exists()

    def test_housekeeping_stores_expired_uploads_that_arrived(self):
        sent(self.put)
        expire(self.put)
        assert housekeeping_run().uploads_completed == 1
        assert FileUpload.objects.get(pk=self.put.pk).status == Status.STORED

    def test_complete_arrived_leaves_young_uploads(self, bucket, user):
        sent(started(user, bucket).upload)
        assert complete_arrived() == (0, 0)

    def test_complete_arrived_joins_parts_of_a_killed_server(self, big, bucket):
        sent(big, BIG)
        begin_joining(FileUpload.objects.get(pk=big.pk))
        self.later()
        assert complete_arrived() == (0, 0)
        time_goes_by(big)
        assert complete_arrived() == (1, 0)
        assert FileUpload.objects.get(pk=big.pk).status == Status.STORED
        assert parts_left_in(bucket) == []

    def test_complete_arrived_leaves_unjoined_parts(self, big):
        sent(big, BIG)
        self.later()
        assert complete_arrived() == (0, 0)
        assert FileUpload.objects.get(pk=big.pk).status == Status.PENDING

    def test_complete_arrived_removes_other_files(self, bucket):
        sent(self.put, b"contents")
        assert complete_arrived() == (0, 0)
        assert objects_in(bucket) == []

    def test_complete_arrived_skips_uploads_of_faster_requests(self, user):
        sent(self.put)
        with meanwhile("HeadObject", lambda: upload_delete(user=user, upload_id=self.put.pk), after=True):
            with meanwhile("HeadObject", lambda: upload_delete(user=user, upload_id=self.form.pk), after=True):
                assert complete_arrived() == (0, 0)

    def test_complete_arrived_while_s3_is_down_counts_failures(self, caplog):
        sent(self.put)
        with refusing("HeadObject"):
            report = housekeeping_run()
        assert (report.uploads_completed, report.records_left, report.is_complete) == (0, 2, False)
        assert len([record for record in caplog.records if "stays as it is until the next run" in record.message]) == 2
        assert complete_arrived() == (1, 0)

    def test_complete_arrived_without_database_counts_failures(self):
        sent(self.put)

        def refuse(execute, sql, params, many, context):
            if sql.startswith("UPDATE"):
                raise OperationalError
            return execute(sql, params, many, context)

        with connection.execute_wrapper(refuse):
            assert complete_arrived() == (0, 1)
        assert complete_arrived() == (1, 0)

    def test_complete_arrived_beyond_one_batch_stores_all(self, bucket, user, monkeypatch):
        monkeypatch.setattr("s3_file_uploader.models.queries.BATCH", 1)
        sent(self.put)
        sent(self.form)
        assert complete_arrived() == (2, 0)
