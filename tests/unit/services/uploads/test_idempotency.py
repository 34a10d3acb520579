"""The same upload sent twice under one Idempotency-Key: while and after the first is at work, however it ends."""

from hashlib import sha256

import pytest

from s3_file_uploader.exceptions import (
    ChecksumMismatch,
    ClaimLost,
    FileExists,
    FileRejected,
    IdempotencyKeyReused,
    StorageTimeout,
    StorageUnavailable,
    UploadInProgress,
)
from s3_file_uploader.models import FileUpload, IdempotencyKey
from s3_file_uploader.models.lease import claim_record, create_claimed, end_lease_in
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import (
    file_delete,
    file_receive,
    housekeeping_run,
    upload_answered,
    upload_repeated,
)
from s3_file_uploader.services.recovery import WRITTEN_BY
from s3_file_uploader.values import mib
from tests.unit.services.conftest import stored_file

Status = FileUpload.Status
pytestmark = pytest.mark.django_db


class Sender:
    """A client that asks for the outcome of a request before it repeats it, as the views do."""

    def __init__(self, user, bucket):
        self.user, self.bucket = user, bucket

    def repeated(self, key="key", file_name="file", **reported):
        return upload_repeated(user=self.user, idempotency_key=key, bucket=self.bucket, file_name=file_name, **reported)

    def open(self, key="key", file_name="file", **options):
        expected = {"owner": self.user, "content_type": "x/y", "original_name": "name", **options}
        return file_receive(user=self.user, bucket=self.bucket, file_name=file_name, idempotency_key=key, **expected)

    def send(self, content=b"content", key="key", file_name="file", **options):
        """Return the record, and whether an earlier request stored it."""
        if stored := self.repeated(key, file_name, size=len(content), checksum_sha256=options.get("checksum_sha256")):
            return stored, True
        with self.open(key, file_name, **options) as incoming:
            incoming.write(content)
        return incoming.upload, False


@pytest.fixture
def sender(user, bucket):
    return Sender(user, bucket)


def crashed(sender, content=None, key="key"):
    """Leave what is there of an upload, the first or an overwrite, whose process died and whose claim ran out."""
    upload = FileUpload.objects.filter(file_name="file").first()
    if upload:
        claim_record(upload, Status.PENDING)
    else:
        fields = {"user": sender.user, "bucket": sender.bucket, "file_name": "file", "content_type": "x/y"}
        upload = create_claimed(**fields)
    IdempotencyKey.objects.take(user=sender.user, key=key, upload=upload)
    if content is not None:
        written_by = {WRITTEN_BY: str(upload.claim_id)}
        get_client().put_object(Bucket=sender.bucket, Key="file", Body=content, Metadata=written_by)
    end_lease_in(upload, -1)


def content_of(bucket):
    return get_client().get_object(Bucket=bucket, Key="file")["Body"].read()


def checksum_of(content):
    return sha256(content).hexdigest()


class TestAnswered:
    @pytest.mark.parametrize("size", [7, mib(5) + 1])
    def test_repeat_returns_the_record_and_stores_nothing(self, sender, bucket, size):
        first, repeated = sender.send(b"1" * size)
        assert not repeated
        written_at = get_client().head_object(Bucket=bucket, Key="file")["LastModified"]
        assert sender.send(b"1" * size) == (first, True)
        assert FileUpload.objects.get() == first
        assert get_client().head_object(Bucket=bucket, Key="file")["LastModified"] == written_at
        assert IdempotencyKey.objects.get().is_answered

    def test_upload_without_a_key_is_not_remembered(self, sender):
        assert sender.repeated(None) is None
        sender.send(key=None)
        assert not IdempotencyKey.objects.exists()
        assert sender.repeated("key") is None
        with pytest.raises(FileExists, match="You have a file"):
            sender.send(key=None)

    def test_repeat_by_another_user_is_another_key(self, sender, bucket, other):
        sender.send(b"mine")
        stranger = Sender(other, bucket)
        assert stranger.repeated() is None
        with pytest.raises(FileExists):
            stranger.send(b"theirs", overwrite=True)
        theirs, repeated = stranger.send(b"theirs", file_name="theirs")
        assert (theirs.checksum_sha256, repeated) == (checksum_of(b"theirs"), False)
        assert sender.send(b"mine")[1]
        assert content_of(bucket) == b"mine"

    def test_repeat_by_staff_for_a_user_is_their_own_key(self, sender, bucket, staff):
        acting = Sender(staff, bucket)
        upload, _ = acting.send(owner=sender.user)
        assert upload.user == sender.user
        assert acting.send(owner=sender.user) == (upload, True)
        assert sender.repeated() is None

    @pytest.mark.parametrize("overwrite", [True, False])
    def test_repeat_with_another_file_is_refused_after_any_outcome(self, sender, overwrite):
        sender.send()
        with pytest.raises(IdempotencyKeyReused, match="another file"):
            sender.send(file_name="another", overwrite=overwrite)
        with sender.open("open", "one"), pytest.raises(IdempotencyKeyReused):
            sender.send(key="open", file_name="another", overwrite=overwrite)
        assert set(FileUpload.objects.values_list("file_name", flat=True)) == {"file", "one"}

    @pytest.mark.parametrize(
        "reported",
        [{"size": 6}, {"size": 0}, {"checksum_sha256": checksum_of(b"CONTENT")}],
        ids=["size", "empty", "sum"],
    )
    def test_repeat_with_other_bytes_is_refused(self, sender, bucket, reported):
        sender.send()
        with pytest.raises(IdempotencyKeyReused, match="another file"):
            sender.repeated(**reported)
        assert content_of(bucket) == b"content"

    @pytest.mark.parametrize(
        "reported", [{}, {"size": 7}, {"checksum_sha256": checksum_of(b"content")}, {"size": 7, "checksum_sha256": ""}]
    )
    def test_repeat_without_announced_values_is_accepted(self, sender, reported):
        first, _ = sender.send()
        assert sender.repeated(**reported) == first

    def test_repeat_with_other_bytes_after_a_rejection_is_refused(self, sender):
        sender.send()
        FileUpload.objects.update(status=Status.REJECTED, status_reason="bad")
        with pytest.raises(IdempotencyKeyReused):
            sender.repeated(size=6)
        with pytest.raises(FileRejected):
            sender.repeated(size=7)

    def test_repeat_in_another_bucket_is_refused(self, sender, user, bucket):
        sender.send()
        get_client().create_bucket(Bucket="bucket-two")
        with pytest.raises(IdempotencyKeyReused):
            Sender(user, "bucket-two").send()

    def test_repeat_after_an_overwrite_returns_the_present_file(self, sender, bucket):
        first, _ = sender.send(b"first", key="first")
        second, repeated = sender.send(b"second", key="second", overwrite=True)
        assert (second.pk, repeated) == (first.pk, False)
        for content in (b"first", b"second"):
            upload, repeated = sender.send(content, key=content.decode(), overwrite=True)
            assert (upload.checksum_sha256, repeated) == (checksum_of(b"second"), True)
        with pytest.raises(IdempotencyKeyReused):
            sender.send(b"first", key="second", overwrite=True)
        assert content_of(bucket) == b"second"

    def test_repeat_during_an_overwrite_by_another_key_is_answered(self, sender):
        first, _ = sender.send(b"first", key="first")
        with sender.open("second", overwrite=True):
            upload = sender.repeated("first", size=5, checksum_sha256=checksum_of(b"first"))
            assert (upload, upload.status) == (first, Status.PENDING)

    def test_repeat_after_a_delete_stores_anew(self, sender, bucket, user):
        first, _ = sender.send()
        file_delete(user=user, bucket=bucket, file_name="file")
        assert sender.repeated() is None
        second, repeated = sender.send()
        assert (second.pk != first.pk, repeated) == (True, False)

    def test_repeat_after_housekeeping_purged_the_key_is_new(self, sender, settings):
        sender.send()
        settings.S3_FILE_UPLOADER_IDEMPOTENCY_SECONDS = -1
        housekeeping_run()
        assert sender.repeated() is None


class TestAtTheSameTime:
    def test_repeat_during_the_first_is_in_progress(self, sender, bucket):
        with sender.open() as incoming:
            incoming.write(b"content")
            for options in ({}, {"overwrite": True}):
                with pytest.raises(UploadInProgress, match="same Idempotency-Key"):
                    sender.send(**options)
            with pytest.raises(UploadInProgress):
                sender.send(b"other bytes")
        assert sender.send() == (incoming.upload, True)
        assert content_of(bucket) == b"content"

    def test_repeat_that_checked_before_the_first_meets_its_claim(self, sender):
        with sender.open():
            with pytest.raises(UploadInProgress), sender.open():
                raise AssertionError
        assert sender.repeated().status == Status.STORED

    def test_repeat_that_may_not_overwrite_is_in_progress(self, sender):
        sender.send()
        with pytest.raises(UploadInProgress), sender.open():
            raise AssertionError

    def test_answer_to_a_key_that_was_freed_meanwhile_is_in_progress(self, user, bucket):
        with pytest.raises(UploadInProgress):
            upload_answered(user=user, idempotency_key="freed", bucket=bucket, file_name="file.txt")

    def test_key_in_progress_claims_no_other_file(self, sender):
        with sender.open():
            with pytest.raises(UploadInProgress), sender.open(file_name="other"):
                raise AssertionError
        assert [upload.file_name for upload in FileUpload.objects.all()] == ["file"]

    def test_repeat_that_claims_after_the_first_ended_stores_nothing(self, sender, bucket):
        first, _ = sender.send(b"first")
        with pytest.raises(UploadInProgress), sender.open(overwrite=True):
            raise AssertionError
        assert content_of(bucket) == b"first"
        upload = FileUpload.objects.get()
        assert (upload.status, upload.checksum_sha256, upload.claimed_until) == (
            Status.STORED,
            first.checksum_sha256,
            None,
        )
        assert sender.send(b"first") == (first, True)


class TestFailed:
    @pytest.mark.parametrize("overwrite", [True, False])
    def test_repeat_after_a_refusal_takes_over(self, sender, user, bucket, overwrite):
        if overwrite:
            stored_file(user, bucket, content=b"before")
        with pytest.raises(ChecksumMismatch):
            sender.send(b"damaged", checksum_sha256=checksum_of(b"content"), overwrite=overwrite)
        assert sender.repeated() is None
        upload, repeated = sender.send(checksum_sha256=checksum_of(b"content"), overwrite=overwrite)
        assert (upload.status, repeated, content_of(bucket)) == (Status.STORED, False, b"content")
        assert sender.send(overwrite=overwrite) == (upload, True)

    def test_repeat_after_a_broken_body_takes_over(self, sender):
        with pytest.raises(KeyError), sender.open() as incoming:
            incoming.write(b"con")
            raise KeyError
        assert not IdempotencyKey.objects.exists()
        assert not sender.send()[1]

    @pytest.mark.parametrize("overwrite", [True, False])
    def test_repeat_while_s3_may_still_store_is_in_progress(self, sender, user, bucket, overwrite):
        if overwrite:
            stored_file(user, bucket, content=b"before")
        with pytest.raises(StorageTimeout), sender.open(overwrite=overwrite):
            raise StorageTimeout
        with pytest.raises(UploadInProgress):
            sender.send(overwrite=overwrite)
        end_lease_in(FileUpload.objects.get(), -1)
        assert not sender.send(overwrite=overwrite)[1]
        assert sender.send(overwrite=overwrite)[1]

    def test_repeat_after_an_outage_takes_over(self, sender):
        with pytest.raises(StorageUnavailable), sender.open():
            raise StorageUnavailable
        assert not sender.send()[1]


class TestCrashed:
    @pytest.mark.parametrize("written", [None, b"content"])
    def test_repeat_after_a_killed_upload_takes_over(self, sender, bucket, written):
        crashed(sender, written)
        assert sender.repeated() is None
        upload, repeated = sender.send()
        assert (upload.status, repeated, content_of(bucket)) == (Status.STORED, False, b"content")
        assert sender.send() == (upload, True)

    @pytest.mark.parametrize("written", [None, b"content"])
    def test_repeat_after_a_killed_overwrite_takes_over(self, sender, user, bucket, written):
        stored_file(user, bucket, content=b"before")
        crashed(sender, written)
        upload, repeated = sender.send(overwrite=True)
        assert (upload.checksum_sha256, repeated) == (checksum_of(b"content"), False)
        assert sender.send(overwrite=True) == (upload, True)
        assert content_of(bucket) == b"content"

    @pytest.mark.parametrize("overwrite", [True, False])
    def test_repeat_after_housekeeping_settled_stores_anew(self, sender, user, bucket, overwrite):
        if overwrite:
            stored_file(user, bucket, content=b"before")
        crashed(sender, b"content")
        assert housekeeping_run().records_settled == 1
        assert sender.repeated() is None
        assert not sender.send(overwrite=overwrite)[1]

    @pytest.mark.parametrize("size", [7, mib(5) + 1])
    def test_slow_upload_after_a_takeover_writes_nothing(self, sender, user, bucket, size):
        stored_file(user, bucket, content=b"before")
        with pytest.raises(ClaimLost), sender.open(overwrite=True) as slow:
            slow.write(b"1" * size)
            end_lease_in(slow.upload, -1)
            upload, _ = sender.send(overwrite=True)
        assert content_of(bucket) == b"content"
        assert sender.send(overwrite=True) == (upload, True)
