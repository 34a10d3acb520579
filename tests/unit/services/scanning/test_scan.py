from datetime import timedelta

import pytest
from django.utils import timezone

from s3_file_uploader.exceptions import (
    FileExists,
    FileNotFound,
    FileQuarantined,
    FileRejected,
    StorageAccessDenied,
    StorageUnavailable,
    UploadNotPending,
)
from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.scanners import ScannerUnavailable, load_scanners
from s3_file_uploader.services import (
    Repairs,
    bucket_compare,
    bucket_list,
    bucket_remove,
    file_delete,
    file_download,
    file_presign,
    file_receive,
    housekeeping_run,
    object_list,
    upload_complete,
    upload_delete,
    upload_repeated,
    upload_scan,
    upload_scan_again,
    upload_start,
    waiting_scan,
)
from s3_file_uploader.services.reports import Kind, Outcome
from s3_file_uploader.services.scanning.queue import FAILURES_IN_A_ROW
from s3_file_uploader.services.scanning.scan import FOUND_SOMETHING, SCANNER_FAILED, URL_STILL_WORKS
from s3_file_uploader.signals import file_deleted, file_quarantined, file_rejected, file_uploaded
from s3_file_uploader.values import CHUNK_BYTES
from tests.support.scanners import FOUND, VIRUS, meanwhile, use
from tests.unit.services.conftest import expire, objects_in, on_event, refusing, sent, started, stored_file

Status = FileUpload.Status
SIGNALS = {
    "uploaded": file_uploaded,
    "quarantined": file_quarantined,
    "rejected": file_rejected,
    "deleted": file_deleted,
}
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_meanwhile():
    yield
    assert not meanwhile
    meanwhile.clear()


@pytest.fixture
def scanning(settings):
    use(settings, "LooksForVirus")


@pytest.fixture
def later(scanning, settings):
    """Scan nothing in the request."""
    settings.S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 0


@pytest.fixture
def heard():
    told, listeners = [], {}
    for name, signal in SIGNALS.items():

        def listen(upload, name=name, **kwargs):
            told.append(name)

        listeners[name] = listen
        signal.connect(listen)
    yield told
    for name, signal in SIGNALS.items():
        signal.disconnect(listeners[name])


def record(**wanted):
    return FileUpload.objects.get(**wanted)


def says(upload=None):
    """Return what the database says of the one record."""
    now = record() if upload is None else record(pk=upload.pk)
    return now.status, now.status_reason


def rejected(user, bucket, file_name="file", **options):
    with pytest.raises(FileRejected, match=FOUND):
        stored_file(user, bucket, file_name, VIRUS, **options)
    return FileUpload.objects.filter(file_name=file_name).first()


def outcomes(**options):
    found = []
    report = waiting_scan(on_finding=found.append, **options)
    return report, [finding.outcome for finding in found]


class TestWithout:
    def test_scanners_nothing_waits(self, bucket, user, heard, django_assert_num_queries):
        upload = stored_file(user, bucket, content=VIRUS)
        assert (upload.status, upload.needs_scan, heard) == ("stored", False, ["uploaded"])
        assert upload_scan(upload=upload) == Outcome.OVERTAKEN

    def test_scanners_nothing_passes(self, bucket, user, later, settings):
        upload = stored_file(user, bucket)
        settings.S3_FILE_UPLOADER_SCANNERS = []
        assert upload_scan(upload=upload) == Outcome.LEFT
        assert says() == ("quarantined", "No scanner is set.")
        with pytest.raises(ScannerUnavailable):
            load_scanners()


class TestClean:
    @pytest.mark.parametrize("content", [b"", b"content"])
    def test_a_small_file_is_stored_at_once(self, bucket, user, scanning, heard, content):
        upload = stored_file(user, bucket, content=content)
        assert upload == record()
        assert says() == (upload.status, upload.status_reason) == ("stored", "")
        assert (record().needs_scan, record().scan_after, heard) == (False, None, ["uploaded"])

    def test_a_larger_one_waits(self, bucket, user, scanning, settings, heard):
        settings.S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 6
        upload = stored_file(user, bucket)
        assert (says(), heard) == (("quarantined", ""), ["quarantined"])
        assert upload_scan(upload=upload) == Outcome.FILE_CLEAN
        assert (says(), upload.status, heard) == (("stored", ""), "stored", ["quarantined", "uploaded"])

    @pytest.mark.parametrize("strategy", ["put", "multipart"])
    def test_a_direct_upload(self, bucket, user, scanning, heard, strategy):
        upload = started(user, bucket, strategy=strategy).upload
        sent(upload)
        assert upload_complete(user=user, upload_id=upload.pk).status == "stored"
        assert (says(), heard) == (("stored", ""), ["uploaded"])

    def test_housekeeping_scans_what_arrived(self, bucket, user, scanning):
        upload = started(user, bucket, strategy="put").upload
        sent(upload)
        FileUpload.objects.update(created_at=timezone.now() - timedelta(hours=1))
        assert housekeeping_run().uploads_completed == 1
        assert says() == ("stored", "")

    def test_every_scanner_is_asked(self, bucket, user, settings):
        use(settings, "LooksForVirus", "Silent")
        assert stored_file(user, bucket).status == "stored"


class TestInfected:
    def test_it_is_removed_and_the_record_says_why(self, bucket, user, scanning, heard):
        upload = rejected(user, bucket)
        assert (says(), objects_in(bucket), heard) == (("rejected", FOUND), [], ["rejected"])
        assert (upload.claimed_until, upload.scan_after, upload.user) == (None, None, user)
        with pytest.raises(FileNotFound):
            file_presign(user=user, bucket=bucket, file_name="file")

    def test_its_key_is_anybodys(self, bucket, user, other, scanning):
        rejected(user, bucket)
        assert stored_file(other, bucket).status == "stored"
        rejected(user, bucket, "another")
        rejected(user, bucket, "another")
        assert FileUpload.objects.filter(status="rejected").count() == 3

    def test_its_record_can_be_removed(self, bucket, user, scanning, heard):
        upload_delete(user=user, upload_id=rejected(user, bucket).pk)
        assert not FileUpload.objects.exists()
        assert heard == ["rejected"]

    @pytest.mark.parametrize("strategy", ["put", "post", "multipart"])
    def test_a_direct_upload(self, bucket, user, scanning, heard, strategy):
        upload = started(user, bucket, strategy=strategy).upload
        sent(upload, VIRUS)
        for _ in range(2):
            with pytest.raises(FileRejected, match=FOUND):
                upload_complete(user=user, upload_id=upload.pk)
        assert (says(upload), objects_in(bucket), heard) == (("rejected", FOUND), [], ["rejected"])

    def test_whoever_repeats_the_request_is_told_again(self, bucket, user, scanning):
        key = {"bucket": bucket, "file_name": "file"}
        options = {"user": user, "owner": user, "content_type": "x/y", "original_name": "n", "idempotency_key": "key"}
        with pytest.raises(FileRejected), file_receive(**key, **options) as incoming:
            incoming.write(VIRUS)
        with pytest.raises(FileRejected, match=FOUND):
            upload_repeated(user=user, idempotency_key="key", **key)

    def test_whoever_starts_it_again_is_told_to_look(self, bucket, user, scanning):
        options = {"user": user, "owner": user, "bucket": bucket, "file_name": "n", "content_type": "text/plain"}
        upload = upload_start(**options, size=7, strategy="put", idempotency_key="key").upload
        sent(upload, VIRUS)
        with pytest.raises(FileRejected):
            upload_complete(user=user, upload_id=upload.pk)
        with pytest.raises(UploadNotPending, match="look at its record"):
            upload_start(**options, size=7, strategy="put", idempotency_key="key")

    def test_one_scanner_is_enough(self, bucket, user, settings):
        use(settings, "Silent", "LooksForVirus")
        with pytest.raises(FileRejected, match=FOUND_SOMETHING):
            stored_file(user, bucket, content=VIRUS)

    def test_it_can_be_found_later(self, bucket, user, later, heard):
        stored_file(user, bucket, content=VIRUS)
        assert outcomes()[1] == [Outcome.FILE_REJECTED]
        assert (says(), objects_in(bucket), heard) == (("rejected", FOUND), [], ["quarantined", "rejected"])

    def test_what_still_comes_by_its_url_is_removed(self, bucket, user, scanning):
        upload = started(user, bucket, strategy="put").upload
        sent(upload, VIRUS)
        with pytest.raises(FileRejected):
            upload_complete(user=user, upload_id=upload.pk)
        sent(upload, VIRUS)
        late = FileUpload.objects.exclude(pk=upload.pk).get()
        assert (late.status, late.user, late.file_name, late.status_reason) == ("deleting", None, upload.file_name, "")
        FileUpload.objects.filter(pk=late.pk).update(writable_until=timezone.now() - timedelta(days=1))
        expire(late)
        assert housekeeping_run().records_settled == 1
        assert (FileUpload.objects.get(), objects_in(bucket)) == (upload, [])

    def test_s3_that_is_down_is_asked_again(self, bucket, user, scanning):
        with refusing("DeleteObject"), pytest.raises(StorageUnavailable):
            stored_file(user, bucket, content=VIRUS)
        assert says() == ("deleting", FOUND)
        assert upload_scan(upload=record()) == Outcome.OVERTAKEN
        expire(record())
        assert housekeeping_run().records_settled == 1
        assert (says(), objects_in(bucket)) == (("rejected", FOUND), [])

    def test_s3_that_does_not_let_us_is_asked_again(self, bucket, user, scanning):
        with refusing("DeleteObject", code="AccessDenied", status=403), pytest.raises(StorageAccessDenied):
            stored_file(user, bucket, content=VIRUS)
        assert says() == ("deleting", FOUND)
        housekeeping_run()
        assert says() == ("rejected", FOUND)

    def test_a_scan_that_is_killed_while_it_removes(self, bucket, user, later, heard):
        stored_file(user, bucket, content=VIRUS)
        assert record().rejection_begin(FOUND)
        expire(record())
        told = []
        housekeeping_run(dry_run=True, on_finding=told.append)
        housekeeping_run(on_finding=told.append)
        assert [finding.outcome for finding in told] == [Outcome.FILE_REJECTED] * 2
        assert (says(), objects_in(bucket), heard) == (("rejected", FOUND), [], ["quarantined", "rejected"])

    def test_its_owner_may_remove_what_is_being_rejected(self, bucket, user, later):
        stored_file(user, bucket, content=VIRUS)
        assert record().rejection_begin(FOUND)
        expire(record())
        file_delete(user=user, bucket=bucket, file_name="file")
        assert not FileUpload.objects.exists()

    def test_it_does_not_keep_its_bucket(self, bucket, user, staff, scanning):
        rejected(user, bucket)
        bucket_remove(user=staff, owner_id=bucket_list(user=staff).owner_id, name=bucket)
        assert not FileUpload.objects.exists()


class TestQuarantine:
    def test_nobody_gets_it(self, bucket, user, later, settings, tmp_path):
        settings.PATH_TO_SAVE_FILE = str(tmp_path)
        stored_file(user, bucket)
        for give in (file_download, file_presign):
            with pytest.raises(FileQuarantined, match="being scanned"):
                give(user=user, bucket=bucket, file_name="file")
        assert object_list(user=user, bucket=bucket).objects == ()

    def test_others_do_not_know_of_it(self, bucket, user, other, later):
        stored_file(user, bucket)
        with pytest.raises(FileNotFound):
            file_presign(user=other, bucket=bucket, file_name="file")

    def test_its_owner_may_remove_it(self, bucket, user, later, heard):
        stored_file(user, bucket)
        file_delete(user=user, bucket=bucket, file_name="file")
        assert (objects_in(bucket), heard) == ([], ["quarantined", "deleted"])

    def test_s3_that_does_not_let_us_remove_it_leaves_it_there(self, bucket, user, later):
        stored_file(user, bucket)
        with refusing("DeleteObject", code="AccessDenied", status=403), pytest.raises(StorageAccessDenied):
            file_delete(user=user, bucket=bucket, file_name="file")
        assert says() == ("quarantined", "")

    def test_its_owner_may_overwrite_it(self, bucket, user, later):
        first = stored_file(user, bucket, content=VIRUS)
        with pytest.raises(FileExists, match="overwrite=true"):
            stored_file(user, bucket)
        assert stored_file(user, bucket, overwrite=True) == first
        assert outcomes()[1] == [Outcome.FILE_CLEAN]

    def test_what_replaces_a_stored_file_is_scanned(self, bucket, user, scanning, settings, heard):
        stored_file(user, bucket)
        settings.S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 0
        stored_file(user, bucket, content=VIRUS, overwrite=True)
        assert says() == ("quarantined", "")
        outcomes()
        assert (says(), objects_in(bucket)) == (("rejected", FOUND), [])
        assert heard == ["uploaded", "quarantined", "rejected"]

    @pytest.mark.parametrize("is_clean", [True, False])
    def test_what_could_not_be_replaced_is_what_it_was(self, bucket, user, scanning, settings, is_clean):
        settings.S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 100 if is_clean else 0
        stored_file(user, bucket)
        record().claim(Status.PENDING)
        expire(record())
        housekeeping_run()
        assert says() == ("stored" if is_clean else "quarantined", "")

    def test_what_was_replaced_when_the_server_was_killed_is_scanned(self, bucket, user, scanning):
        stored_file(user, bucket)
        record().claim(Status.PENDING)
        get_client().put_object(Bucket=bucket, Key="file", Body=VIRUS)
        expire(record())
        housekeeping_run()
        assert says() == ("quarantined", "")
        outcomes()
        assert says() == ("rejected", FOUND)

    @pytest.mark.parametrize("when", ["keep", "delete"])
    def test_its_user_goes(self, bucket, user, later, settings, when):
        settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = when
        stored_file(user, bucket)
        settings.S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 100
        rejected(user, bucket, "rejected")
        user.delete()
        left = ["quarantined", "rejected"] if when == "keep" else []
        assert sorted(FileUpload.objects.values_list("status", flat=True)) == left
        assert objects_in(bucket) == (["file"] if when == "keep" else [])

    def test_its_user_goes_while_it_is_rejected(self, bucket, user, later, settings):
        settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = "delete"
        upload = stored_file(user, bucket, content=VIRUS)
        with refusing("DeleteObject"), pytest.raises(StorageUnavailable):
            upload_scan(upload=upload)
        user.delete()
        assert says() == ("deleting", "")
        with pytest.raises(FileExists):
            upload.forget()
        expire(record())
        housekeeping_run()
        assert (FileUpload.objects.exists(), objects_in(bucket)) == (False, [])

    def test_what_is_adopted_is_scanned(self, bucket, user, scanning):
        for name, content in (("clean", b"content"), ("infected", VIRUS)):
            get_client().put_object(Bucket=bucket, Key=name, Body=content)
        bucket_compare(bucket=bucket, repairs=Repairs(adopt_for=user))
        assert set(FileUpload.objects.values_list("status", flat=True)) == {"quarantined"}
        assert outcomes()[0].files_rejected == 1
        assert objects_in(bucket) == ["clean"]

    def test_what_another_program_changed_is_scanned_anew(self, bucket, user, scanning):
        stored_file(user, bucket)
        get_client().put_object(Bucket=bucket, Key="file", Body=VIRUS)
        bucket_compare(bucket=bucket, repairs=Repairs(update_records=True))
        outcomes()
        assert (says(), objects_in(bucket)) == (("rejected", FOUND), [])

    def test_a_comparison_finds_its_object(self, bucket, user, later):
        stored_file(user, bucket)
        stored_file(user, bucket, "lost")
        get_client().delete_object(Bucket=bucket, Key="lost")
        report = bucket_compare(bucket=bucket, repairs=Repairs(remove_records=True))
        assert (report.records_compared, report.records_without_object, report.records_removed) == (2, 1, 1)
        assert report.objects_without_record == 0

    def test_scanned_again(self, bucket, user, staff, settings):
        upload = stored_file(user, bucket, content=VIRUS)
        use(settings, "LooksForVirus")
        settings.S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 0
        assert upload_scan_again(user=staff, upload=upload)
        assert says() == ("quarantined", "")
        settings.S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 100
        with pytest.raises(FileRejected):
            upload_scan_again(user=staff, upload=upload)
        assert not upload_scan_again(user=staff, upload=upload)


class TestUrls:
    """A form, and a PUT in a store that is not AWS, may bring other bytes after the scan."""

    def posted(self, user, bucket, content=b"content"):
        upload = started(user, bucket, strategy="post", size=len(content)).upload
        sent(upload, content)
        return upload_complete(user=user, upload_id=upload.pk)

    def test_what_can_be_replaced_by_its_url_waits(self, bucket, user, scanning, heard):
        upload = self.posted(user, bucket)
        assert (says(), heard) == (("quarantined", URL_STILL_WORKS), [])
        with pytest.raises(FileQuarantined, match="URL still works"):
            file_presign(user=user, bucket=bucket, file_name=upload.file_name)
        assert outcomes()[1] == []
        FileUpload.objects.update(writable_until=timezone.now() - timedelta(days=1), scan_after=timezone.now())
        assert outcomes()[1] == [Outcome.FILE_CLEAN]
        assert (says(), heard) == (("stored", ""), ["uploaded"])

    @pytest.mark.parametrize("content", [b"content", b""])
    def test_what_was_replaced_by_its_url_never_passes(self, bucket, user, scanning, content):
        upload = self.posted(user, bucket, content)
        sent(upload, VIRUS)
        FileUpload.objects.update(writable_until=timezone.now() - timedelta(days=1), scan_after=timezone.now())
        assert outcomes()[1] == [Outcome.LEFT]
        status, reason = says()
        assert status == "quarantined"
        assert "other bytes" in reason
        bucket_compare(bucket=bucket, repairs=Repairs(update_records=True))
        outcomes()
        assert says() == ("rejected", FOUND)

    def test_an_empty_file_that_is_gone_does_not_pass(self, bucket, user, later):
        stored_file(user, bucket, content=b"")
        get_client().delete_object(Bucket=bucket, Key="file")
        assert outcomes()[1] == [Outcome.LEFT]

    def test_by_default_nobody_waits_for_that(self, bucket, user, scanning, settings):
        settings.AWS_S3_ENDPOINT_URL = "https://s3.amazonaws.com"
        assert started(user, bucket).upload.strategy == "multipart"
        upload = FileUpload(strategy="put", writable_until=timezone.now())
        assert upload.rewritable_until is not None
        assert FileUpload(strategy="put", writable_until=timezone.now() - timedelta(days=1)).rewritable_until is None
        assert FileUpload(strategy="multipart", writable_until=timezone.now()).rewritable_until is None


class TestNoAnswer:
    def test_a_scanner_that_is_down_lets_nothing_pass(self, bucket, user, settings, heard):
        use(settings, "Down")
        assert stored_file(user, bucket).status == "quarantined"
        assert (says(), heard) == (("quarantined", "It cannot be reached."), ["quarantined"])
        with pytest.raises(FileQuarantined, match="cannot be reached"):
            file_presign(user=user, bucket=bucket, file_name="file")
        use(settings, "LooksForVirus")
        assert outcomes()[1] == [Outcome.FILE_CLEAN]
        assert says() == ("stored", "")

    def test_the_others_do_not_help(self, bucket, user, settings):
        use(settings, "LooksForVirus", "Down")
        assert stored_file(user, bucket).status == "quarantined"

    def test_what_it_cannot_look_at_waits(self, bucket, user, settings):
        use(settings, "Small")
        stored_file(user, bucket)
        assert says() == ("quarantined", "It is too large.")
        assert outcomes()[1] == []  # It would say the same again.
        FileUpload.objects.update(scan_after=None)
        assert outcomes()[1] == [Outcome.LEFT]

    def test_or_passes_by_a_setting(self, bucket, user, settings):
        settings.S3_FILE_UPLOADER_SCAN_TOO_LARGE = "pass"
        use(settings, "Small", "LooksForVirus")
        assert stored_file(user, bucket).status == "stored"
        rejected(user, bucket, "infected")

    def test_what_it_fails_at_waits_whatever_the_setting(self, bucket, user, settings):
        settings.S3_FILE_UPLOADER_SCAN_TOO_LARGE = "pass"
        use(settings, "Puzzled")
        for number in range(FAILURES_IN_A_ROW + 2):
            stored_file(user, bucket, str(number))
        FileUpload.objects.update(scan_after=None)
        report, told = outcomes()  # Others do not wait behind them.
        assert (report.is_complete, told) == (True, [Outcome.LEFT] * (FAILURES_IN_A_ROW + 2))
        assert outcomes()[1] == []

    def test_a_scanner_that_fails_is_the_servers_error(self, bucket, user, settings):
        use(settings, "Broken")
        with pytest.raises(ZeroDivisionError):
            stored_file(user, bucket)
        assert says() == ("quarantined", SCANNER_FAILED)
        use(settings, "LooksForVirus")
        assert outcomes()[1] == [Outcome.FILE_CLEAN]

    def test_s3_that_is_down_is_asked_again(self, bucket, user, scanning):
        with refusing("GetObject"):
            assert stored_file(user, bucket).status == "quarantined"
        assert says()[0] == "quarantined"
        assert outcomes()[1] == [Outcome.FILE_CLEAN]

    def test_after_some_failures_the_rest_waits(self, bucket, user, later, settings):
        for number in range(FAILURES_IN_A_ROW + 2):
            stored_file(user, bucket, str(number))
        use(settings, "Down")
        report, told = outcomes()
        assert (report.files_in_quarantine, told) == (5, [Outcome.LEFT] * FAILURES_IN_A_ROW)
        assert (report.files_left, report.is_complete) == (FAILURES_IN_A_ROW, False)
        use(settings, "LooksForVirus")
        report, told = outcomes()
        assert (report.files_clean, report.files_in_quarantine, len(told)) == (5, 0, 5)

    def test_a_dry_run_scans_nothing(self, bucket, user, later):
        upload, found, steps = stored_file(user, bucket), [], []
        report = waiting_scan(dry_run=True, on_finding=found.append, on_progress=lambda *step: steps.append(step))
        assert (report.files_clean, report.files_in_quarantine) == (0, 1)
        assert [(finding.kind, finding.record_id, finding.outcome) for finding in found] == [
            (Kind.FILE_QUARANTINED, upload.pk, Outcome.NOTHING)
        ]
        assert steps == [("files in quarantine", 1, 1)]
        assert says() == ("quarantined", "")


class TestMeanwhile:
    def test_bytes_that_replace_the_scanned_ones_are_not_blessed(self, bucket, user, later):
        upload = stored_file(user, bucket)
        meanwhile.append(lambda: stored_file(user, bucket, content=VIRUS, overwrite=True))
        assert upload_scan(upload=upload) == Outcome.OVERTAKEN
        assert says() == ("quarantined", "")
        assert outcomes()[1] == [Outcome.FILE_REJECTED]

    def test_nor_are_they_removed(self, bucket, user, later):
        upload = stored_file(user, bucket, content=VIRUS)
        meanwhile.append(lambda: stored_file(user, bucket, overwrite=True))
        assert upload_scan(upload=upload) == Outcome.OVERTAKEN
        assert (says(), objects_in(bucket)) == (("quarantined", ""), ["file"])

    @pytest.mark.parametrize("content", [b"content", VIRUS])
    def test_what_is_removed_meanwhile_is_gone(self, bucket, user, later, content, heard):
        upload = stored_file(user, bucket, content=content)
        meanwhile.append(lambda: file_delete(user=user, bucket=bucket, file_name="file"))
        assert upload_scan(upload=upload) == Outcome.OVERTAKEN
        assert not FileUpload.objects.exists()
        assert heard == ["quarantined", "deleted"]

    def test_two_at_once(self, bucket, user, later, heard):
        upload = stored_file(user, bucket)
        again = record()
        meanwhile.append(lambda: told.append(upload_scan(upload=again)))
        told = []
        assert upload_scan(upload=upload) == Outcome.FILE_CLEAN
        assert (told, heard) == ([Outcome.OVERTAKEN], ["quarantined", "uploaded"])

    @pytest.mark.parametrize("content", [b"content", VIRUS])
    def test_two_at_once_where_the_first_seemed_dead(self, bucket, user, later, heard, content):
        upload = stored_file(user, bucket, content=content)

        def other():
            FileUpload.objects.update(scan_after=timezone.now())
            told.append(upload_scan(upload=record()))

        told = []
        meanwhile.append(other)
        mine = upload_scan(upload=upload)
        assert sorted([mine, *told]) == sorted(
            [Outcome.OVERTAKEN, Outcome.FILE_REJECTED if content == VIRUS else Outcome.FILE_CLEAN]
        )
        assert len(heard) == 2

    def test_a_scan_that_was_killed_is_begun_again(self, bucket, user, later):
        upload = stored_file(user, bucket)
        assert upload.scan_begin()
        assert outcomes()[1] == []
        FileUpload.objects.update(scan_after=timezone.now())
        assert outcomes()[1] == [Outcome.FILE_CLEAN]

    def test_a_long_scan_says_that_it_goes_on(self, bucket, user, later, django_assert_num_queries):
        upload = stored_file(user, bucket)
        assert upload.scan_begin()
        with django_assert_num_queries(0):
            assert upload.scan_keep()
        upload.scan_after = timezone.now()
        with django_assert_num_queries(1):
            assert upload.scan_keep()
        assert record().scan_after == upload.scan_after > timezone.now()

    def test_a_long_scan_ends_when_the_file_is_gone(self, bucket, user, later):
        upload = stored_file(user, bucket, content=bytes(2 * CHUNK_BYTES))

        def removed(upload=upload, **kwargs):
            upload.scan_after = timezone.now()
            record().claim(Status.DELETING)

        with on_event("after-call.s3.GetObject", removed):
            assert upload_scan(upload=upload) == Outcome.OVERTAKEN
