"""A direct upload is aborted, expires, or is removed when it is stored: nothing that comes late stays."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from s3_file_uploader.exceptions import (
    ClaimLost,
    FileExists,
    FileNotFound,
    InvalidFileName,
    NotYourFile,
    StorageAccessDenied,
    StorageTimeout,
    StorageUnavailable,
    UploadNotFound,
    UploadNotPending,
)
from s3_file_uploader.models import FileUpload, IdempotencyKey
from s3_file_uploader.models.direct_transitions import begin_joining, end_joining, renew_client_lease
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import (
    file_delete,
    housekeeping_run,
    record_delete,
    upload_abort,
    upload_complete,
    upload_delete,
    upload_settle,
)
from s3_file_uploader.signals import file_deleted
from tests.unit.services.conftest import (
    after_reading,
    expire,
    meanwhile,
    objects_in,
    parts_left_in,
    refusing,
    sent,
    started,
    stored_file,
)
from tests.unit.services.direct_uploads.conftest import BIG

Status = FileUpload.Status
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("big_in_parts")]
HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)
UPLOADS = FileUpload._meta.db_table


def everybody_sees_all(queryset, user):
    return queryset


def is_about(moment, expected, seconds=5):
    return abs(moment - expected) < timedelta(seconds=seconds)


def abort(user, upload):
    upload_delete(user=user, upload_id=upload.pk)


def time_goes_by():
    """Let the last of what was signed, and of what was on its way, be over."""
    FileUpload.objects.update(writable_until=timezone.now() - HOUR, claimed_until=timezone.now() - HOUR)


@pytest.fixture
def put(bucket, user):
    return started(user, bucket, idempotency_key="key").upload


@pytest.fixture
def reported():
    """Return the uploads that listeners to `file_deleted` received."""
    heard = []

    def listen(upload, **kwargs):
        heard.append(upload.file_name)

    file_deleted.connect(listen)
    yield heard
    file_deleted.disconnect(listen)


class TestAbort:
    def test_abort_removes_parts(self, big, bucket, user):
        sent(big, BIG)
        abort(user, big)
        assert parts_left_in(bucket) == []
        with pytest.raises(UploadNotFound):
            abort(user, big)

    def test_abort_removes_the_object(self, put, bucket, user):
        sent(put)
        abort(user, put)
        assert objects_in(bucket) == []

    def test_abort_of_an_unbegun_upload_leaves_nothing(self, bucket, user):
        with refusing("CreateMultipartUpload"), pytest.raises(StorageUnavailable):
            started(user, bucket, size=len(BIG))
        abort(user, FileUpload.objects.get())
        assert not FileUpload.objects.exists()

    def test_abort_while_the_url_works_keeps_no_late_object(self, put, bucket, user):
        abort(user, put)
        left = FileUpload.objects.get()
        assert (left.status, left.user) == (Status.DELETING, None)
        assert is_about(left.claimed_until, timezone.now() + HOUR + QUARTER)
        sent(put)
        assert housekeeping_run().records_settled == 0
        time_goes_by()
        assert housekeeping_run().records_settled == 1
        assert (objects_in(bucket), FileUpload.objects.count()) == ([], 0)

    def test_abort_during_a_transfer_keeps_no_late_object(self, put, bucket, user):
        FileUpload.objects.update(writable_until=timezone.now() - timedelta(minutes=14))
        abort(user, put)
        sent(put)
        time_goes_by()
        housekeeping_run()
        assert (objects_in(bucket), FileUpload.objects.count()) == ([], 0)

    def test_abort_after_the_url_expired_removes_the_record(self, put, user):
        FileUpload.objects.update(writable_until=timezone.now() - timedelta(minutes=16))
        abort(user, put)
        assert not FileUpload.objects.exists()

    def test_abort_looks_again_for_a_late_part(self, big, bucket, user):
        """S3 may keep it, and list neither the upload nor the part; only its id finds it."""
        abort(user, big)
        left = FileUpload.objects.get()
        assert is_about(left.claimed_until, timezone.now() + QUARTER)
        time_goes_by()
        with meanwhile("AbortMultipartUpload", lambda: None):
            assert housekeeping_run().records_settled == 1
        assert not FileUpload.objects.exists()

    def test_abort_uses_times_written_since_it_read_the_record(self, put, user):
        later = timezone.now() + 3 * HOUR
        with after_reading(UPLOADS, lambda: FileUpload.objects.update(writable_until=later)):
            abort(user, put)
        assert FileUpload.objects.get().claimed_until == later + QUARTER

    def test_abort_frees_the_idempotency_key(self, put, bucket, user):
        abort(user, put)
        assert not IdempotencyKey.objects.exists()
        assert started(user, bucket, idempotency_key="key").upload != put

    def test_abort_sends_no_file_deleted(self, put, user, reported, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            abort(user, put)
        assert reported == []

    @pytest.mark.parametrize("operation", ["AbortMultipartUpload", "ListMultipartUploads", "DeleteObject"])
    @pytest.mark.parametrize(
        ("code", "status", "error", "waits"),
        [
            ("ServiceUnavailable", 503, StorageUnavailable, False),
            ("504", 504, StorageTimeout, True),
            ("AccessDenied", 403, StorageAccessDenied, False),
        ],
    )
    def test_abort_while_s3_fails_is_finished_by_the_next_request(
        self, big, bucket, user, operation, code, status, error, waits, reported, django_capture_on_commit_callbacks
    ):
        sent(big, BIG)
        with refusing(operation, code=code, status=status), pytest.raises(error):
            abort(user, big)
        assert (FileUpload.objects.get().status, FileUpload.objects.get().user) == (Status.DELETING, user)
        if waits:
            with pytest.raises(ClaimLost):
                abort(user, big)
            expire(big)
        with django_capture_on_commit_callbacks(execute=True):
            abort(user, big)
        assert (parts_left_in(bucket), objects_in(bucket), reported) == ([], [], [])

    def test_abort_without_list_of_parts_uses_their_id(self, big, bucket, user):
        sent(big, BIG)
        with refusing("ListMultipartUploads", code="NotImplemented", status=501):
            abort(user, big)
        assert parts_left_in(bucket) == []

    def test_abort_in_a_missing_bucket_removes_the_record(self, put, big, bucket, user):
        get_client().abort_multipart_upload(Bucket=bucket, Key=big.file_name, UploadId=big.multipart_upload_id)
        get_client().delete_bucket(Bucket=bucket)
        abort(user, put)
        abort(user, big)
        assert not FileUpload.objects.visible_to(user).exists()

    def test_abort_twice_at_once_is_refused_once(self, put, user):
        def abort_too():
            with pytest.raises(ClaimLost):
                abort(user, put)

        with meanwhile("DeleteObject", abort_too):
            abort(user, put)
        assert FileUpload.objects.get().user is None

    def test_abort_after_an_abort_is_not_found(self, put, user):
        time = timezone.now() - HOUR
        FileUpload.objects.update(writable_until=time)
        with after_reading(UPLOADS, lambda: abort(user, put)), pytest.raises(UploadNotFound):
            record_delete(user=user, upload=FileUpload.objects.get())

    def test_abort_of_an_upload_completed_meanwhile_deletes_the_file(
        self, put, bucket, user, reported, django_capture_on_commit_callbacks
    ):
        sent(put)
        held = FileUpload.objects.get()
        upload_complete(user=user, upload_id=put.pk)
        with django_capture_on_commit_callbacks(execute=True):
            record_delete(user=user, upload=held)
        assert (objects_in(bucket), reported) == ([], [put.file_name])
        assert not FileUpload.objects.visible_to(user).exists()


@pytest.mark.parametrize("remove", [upload_delete, upload_abort])
class TestWhileS3JoinsTheParts:
    """A removal waits a little for S3 to join the parts: done at once, the JuiceFS gateway keeps an empty folder."""

    @pytest.fixture(autouse=True)
    def waits(self, monkeypatch, big):
        """Let something happen while they wait."""
        monkeypatch.setattr("s3_file_uploader.services.direct_uploads.verify.WAITS_SECONDS", (0, 0))
        monkeypatch.setattr("s3_file_uploader.services.direct_uploads.verify.sleep", lambda seconds: self.happens())
        sent(big, BIG)
        self.another = FileUpload.objects.get()
        begin_joining(self.another)

    def happens(self):
        """Do nothing by default: the joining request was killed."""

    def test_abort_while_a_killed_request_joins_takes_over(self, big, bucket, user, remove):
        remove(user=user, upload_id=big.pk)
        assert (parts_left_in(bucket), FileUpload.objects.get().status) == ([], Status.DELETING)

    def test_abort_while_s3_refuses_to_join_removes_the_upload(self, big, bucket, user, remove):
        self.happens = lambda: end_joining(self.another, 0)
        with meanwhile("AbortMultipartUpload", lambda: times.append(FileUpload.objects.get().writable_until)):
            times = []
            remove(user=user, upload_id=big.pk)
        assert (parts_left_in(bucket), times[0] < timezone.now()) == ([], True)

    def test_abort_while_s3_joins_deletes_the_file(self, big, bucket, user, remove):
        get_client().put_object(Bucket=bucket, Key=big.file_name, Body=BIG, ContentType="text/plain")
        self.happens = lambda: upload_complete(user=user, upload_id=big.pk)
        if remove is upload_abort:
            with pytest.raises(UploadNotPending):
                remove(user=user, upload_id=big.pk)
            assert FileUpload.objects.get().status == Status.STORED
        else:
            remove(user=user, upload_id=big.pk)
            assert objects_in(bucket) == []


class TestWho:
    def test_abort_by_a_user_who_may_only_see_it_is_refused(self, put, other, settings):
        settings.S3_FILE_UPLOADER_VISIBLE_TO = f"{__name__}.everybody_sees_all"
        with pytest.raises(NotYourFile):
            abort(other, put)
        with pytest.raises(UploadNotFound):
            abort(AnonymousUser(), put)
        assert FileUpload.objects.get().status == Status.PENDING

    def test_abort_by_staff_removes_it(self, put, staff):
        abort(staff, put)
        assert FileUpload.objects.get().user is None

    def test_delete_by_name_of_a_pending_upload_is_not_found(self, put, bucket, user):
        with pytest.raises(FileNotFound):
            file_delete(user=user, bucket=bucket, file_name=put.file_name)
        assert FileUpload.objects.get().status == Status.PENDING


class TestExpiry:
    @pytest.mark.parametrize("options", [{}, {"strategy": "post"}])
    def test_expiry_removes_the_object(self, bucket, user, options):
        upload = started(user, bucket, **options).upload
        sent(upload)
        FileUpload.objects.update(writable_until=timezone.now() - HOUR)
        upload_settle(upload=expire(upload))
        assert (objects_in(bucket), FileUpload.objects.count()) == ([], 0)

    def test_expiry_removes_parts_and_looks_again(self, big, bucket, user):
        sent(big, BIG)
        expire(big)
        assert housekeeping_run().records_settled == 1
        assert parts_left_in(bucket) == []
        assert FileUpload.objects.get().status == Status.DELETING
        time_goes_by()
        assert housekeeping_run().records_settled == 1
        assert not FileUpload.objects.exists()

    def test_expiry_spares_a_live_upload(self, big, bucket):
        sent(big, BIG, only=[1])
        report = housekeeping_run(abort_multipart_older_than=timedelta(0))
        assert (report.multipart_uploads_aborted, report.multipart_uploads_unexplained) == (0, 0)
        assert parts_left_in(bucket) == [big.file_name]

    def test_expiry_against_a_request_of_the_client_lets_one_win(self, big, user):
        held = expire(big)
        renew_client_lease(FileUpload.objects.get())
        with pytest.raises(ClaimLost):
            upload_settle(upload=held)

    def test_expiry_blocks_its_folder_for_other_files(self, put, bucket, user, other):
        expire(put)
        with pytest.raises(FileExists):
            stored_file(other, bucket, put.file_name)
        time_goes_by()
        with pytest.raises(InvalidFileName):  # It is no place of the others.
            stored_file(other, bucket, put.file_name)
        assert not FileUpload.objects.exists()


class TestStored:
    def test_delete_while_the_url_works_keeps_no_late_object(self, put, bucket, user):
        sent(put)
        upload_complete(user=user, upload_id=put.pk)
        abort(user, put)
        sent(put)
        assert not FileUpload.objects.visible_to(user).exists()
        time_goes_by()
        housekeeping_run()
        assert (objects_in(bucket), FileUpload.objects.count()) == ([], 0)

    def test_delete_removes_parts_of_a_second_beginning(self, big, bucket, user):
        get_client().create_multipart_upload(Bucket=bucket, Key=big.file_name)
        sent(big, BIG)
        upload_complete(user=user, upload_id=big.pk)
        FileUpload.objects.update(writable_until=timezone.now() - HOUR)
        abort(user, big)
        assert (parts_left_in(bucket), FileUpload.objects.count()) == ([], 0)

    def test_overwrite_through_the_server_ends_the_direct_upload(self, put, bucket, user):
        sent(put)
        upload_complete(user=user, upload_id=put.pk)
        upload = stored_file(user, bucket, put.file_name, b"after!!", overwrite=True)
        assert (upload.pk, upload.strategy, upload.status) == (put.pk, "", Status.STORED)
        assert upload.writable_until == put.writable_until
        abort(user, upload)
        assert objects_in(bucket) == []

    def test_delete_without_the_right_keeps_the_file_stored(self, put, user):
        sent(put)
        upload_complete(user=user, upload_id=put.pk)
        with refusing("DeleteObject", code="AccessDenied", status=403), pytest.raises(StorageAccessDenied):
            abort(user, put)
        assert FileUpload.objects.get().status == Status.STORED
