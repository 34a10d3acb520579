"""The parts and the object in S3 are compared with the announced values."""

import io
from base64 import b64encode
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256

import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber
from django.utils import timezone

from s3_file_uploader.exceptions import (
    BucketNotFound,
    ChecksumMismatch,
    ContentTypeMismatch,
    FileTooLarge,
    PartsMissing,
    SizeMismatch,
    StorageAccessDenied,
    StorageError,
    StorageUnavailable,
    UploadInProgress,
    UploadNotFound,
    UploadNotPending,
)
from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.direct_transitions import begin_joining, end_joining
from s3_file_uploader.models.transitions import mark_stored
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import housekeeping_run, upload_delete
from tests.unit.services.conftest import meanwhile, objects_in, parts_left_in, refusing, sent, started
from tests.unit.services.direct_uploads.conftest import BIG, CHECKSUM, MEDIUM, WAITING, complete, time_goes_by

pytestmark = WAITING
Status = FileUpload.Status


@contextmanager
def listed_calls():
    """Yield the names of the calls to S3 in the block."""
    events, calls = get_client().meta.events, []

    def note(model, **kwargs):
        calls.append(model.name)

    events.register("before-call.s3", note)
    try:
        yield calls
    finally:
        events.unregister("before-call.s3", note)


@contextmanager
def broken_off_once():
    """Let the first body of S3 end early; yields the names of the calls."""
    events = get_client().meta.events

    def break_off(parsed, **kwargs):
        if "Body" in parsed and len(calls) == 1:
            parsed["Body"] = StreamingBody(io.BytesIO(b"con"), parsed["ContentLength"])

    events.register("after-call.s3.GetObject", break_off)
    try:
        with listed_calls() as calls:
            yield calls
    finally:
        events.unregister("after-call.s3.GetObject", break_off)


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
        described = {
            "ContentLength": len(MEDIUM),
            "ETag": '"e"',
            "ContentType": "text/plain",
            "LastModified": timezone.now(),
        }
        address = {"Bucket": upload.bucket, "Key": upload.file_name}
        where = {**address, "ChecksumMode": "ENABLED"}
        stub.add_response("head_object", {**described, **checksum}, where)
        body = StreamingBody(io.BytesIO(MEDIUM), len(MEDIUM))
        if is_read:
            stub.add_response("get_object", {"ETag": '"e"', "Body": body}, {**address, "Range": "bytes=0-4095"})

    def test_checksum_kept_by_aws_spares_the_read(self, bucket, user):
        checksum = sha256(MEDIUM).hexdigest()
        upload = started(user, bucket, size=len(MEDIUM), checksum_sha256=checksum).upload
        with Stubber(get_client()) as stub:
            self.head(stub, upload, is_read=False, ChecksumSHA256=in_base64(sha256(b"CONTENT").hexdigest()))
            with pytest.raises(ChecksumMismatch):
                stub.add_response("list_multipart_uploads", {})
                stub.add_response("delete_object", {})
                complete(user, upload)
        again = started(user, bucket, size=len(MEDIUM), checksum_sha256=checksum).upload
        with Stubber(get_client()) as stub:
            self.head(stub, again, ChecksumSHA256=in_base64(checksum), ChecksumType="FULL_OBJECT")
            assert complete(user, again).checksum_sha256 == checksum

    @pytest.mark.parametrize("content", [b"content", MEDIUM])
    def test_checksum_kept_by_aws_is_stored_if_none_was_announced(self, bucket, user, content):
        upload = started(user, bucket, size=len(content)).upload
        with Stubber(get_client()) as stub:
            (self.head if content is MEDIUM else self.small)(stub, upload, ChecksumSHA256=in_base64(CHECKSUM))
            assert complete(user, upload).checksum_sha256 == CHECKSUM

    def small(self, stub, upload, **checksum):
        described = {"ContentLength": 7, "ETag": '"e"', "ContentType": "text/plain", "LastModified": timezone.now()}
        where = {"Bucket": upload.bucket, "Key": upload.file_name, "ChecksumMode": "ENABLED"}
        body = StreamingBody(io.BytesIO(b"content"), 7)
        stub.add_response("get_object", {**described, **checksum, "Body": body}, where)

    def test_complete_of_a_small_file_calls_s3_once(self, bucket, user):
        upload = started(user, bucket, checksum_sha256=CHECKSUM).upload
        sent(upload)
        with listed_calls() as calls:
            complete(user, upload)
        assert calls == ["GetObject"]

    def test_complete_of_a_small_file_that_breaks_off_reads_it_again(self, bucket, user):
        upload = started(user, bucket, checksum_sha256=CHECKSUM).upload
        sent(upload)
        with broken_off_once() as calls:
            assert complete(user, upload).checksum_sha256 == CHECKSUM
        assert calls == ["GetObject"] * 3

    @pytest.mark.parametrize(
        "checksum", [{"ChecksumSHA256": "x-3"}, {"ChecksumSHA256": "eA==", "ChecksumType": "COMPOSITE"}]
    )
    def test_checksum_of_parts_is_not_the_files(self, put, user, checksum):
        with Stubber(get_client()) as stub:
            self.small(stub, put, **checksum)
            assert complete(user, put).checksum_sha256 == ""

    def test_checksum_of_bytes_changed_while_read_is_an_error(self, bucket, user):
        upload = started(user, bucket, size=len(MEDIUM), checksum_sha256=sha256(MEDIUM).hexdigest()).upload
        sent(upload, MEDIUM)
        with meanwhile("GetObject", lambda: sent(upload, MEDIUM[::-1])), pytest.raises(StorageError):
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
        upload = started(user, bucket, size=20 * len(BIG)).upload  # Fifty parts.
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
        medium = started(user, bucket, size=len(MEDIUM)).upload
        parts = {"Bucket": bucket, "Key": big.file_name, "UploadId": big.multipart_upload_id}
        get_client().abort_multipart_upload(**parts)
        get_client().delete_bucket(Bucket=bucket)
        for upload in (put, medium, big):
            with pytest.raises(BucketNotFound):
                complete(user, upload)


class TestSomethingElse:
    @pytest.mark.parametrize("content", [b"", b"conten", b"contents", MEDIUM])
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

        with meanwhile("GetObject", find_too, after=True), pytest.raises(UploadNotPending):
            complete(user, put)
        assert objects_in(bucket) == []


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
