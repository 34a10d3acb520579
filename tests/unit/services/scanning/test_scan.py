from datetime import timedelta

import pytest
from django.utils import timezone

from s3_file_uploader.exceptions import (
    ClaimLost,
    FileExists,
    FileNotFound,
    FileQuarantined,
    FileRejected,
    StorageAccessDenied,
    StorageUnavailable,
    UploadNotPending,
)
from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.lease import claim_record
from s3_file_uploader.models.transitions import begin_rejection, begin_scan, keep_scan, remove_record
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
from tests.support.scanners import FOUND_VIRUS, VIRUS, meanwhile, use
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
    reported, listeners = [], {}
    for name, signal in SIGNALS.items():

        def listen(upload, name=name, **kwargs):
            reported.append(name)

        listeners[name] = listen
        signal.connect(listen)
    yield reported
    for name, signal in SIGNALS.items():
        signal.disconnect(listeners[name])


def record(**filters):
    return FileUpload.objects.get(**filters)


def says(upload=None):
    """Return what the database says of the one record."""
    now = record() if upload is None else record(pk=upload.pk)
    return now.status, now.status_reason


def rejected(user, bucket, file_name="file", **options):
    with pytest.raises(FileRejected, match=FOUND_VIRUS):
        stored_file(user, bucket, file_name, VIRUS, **options)
    return FileUpload.objects.filter(file_name=file_name).first()


def outcomes(**options):
    findings = []
    report = waiting_scan(on_finding=findings.append, **options)
    return report, [finding.outcome for finding in findings]


class TestWithout:
    def test_without_scanners_files_are_stored(self, bucket, user, heard, django_assert_num_queries):
        upload = stored_file(user, bucket, content=VIRUS)
        assert (upload.status, upload.needs_scan, heard) == ("stored", False, ["uploaded"])
        assert upload_scan(upload=upload) == Outcome.OVERTAKEN

    def test_with_an_empty_list_files_stay_quarantined(self, bucket, user, later, settings):
        upload = stored_file(user, bucket)
        settings.S3_FILE_UPLOADER_SCANNERS = []
        assert upload_scan(upload=upload) == Outcome.LEFT
        assert says() == ("quarantined", "No scanner is set.")
        with pytest.raises(ScannerUnavailable):
            load_scanners()


class TestClean:
    @pytest.mark.parametrize("content", [b"", b"content"])
    def test_scan_clean_small_file_stores_it_in_the_request(self, bucket, user, scanning, heard, content):
        upload = stored_file(user, bucket, content=content)
        assert upload == record()
        assert says() == (upload.status, upload.status_reason) == ("stored", "")
        assert (record().needs_scan, record().scan_after, heard) == (False, None, ["uploaded"])

    def test_scan_clean_large_file_waits(self, bucket, user, scanning, settings, heard):
        settings.S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 6
        upload = stored_file(user, bucket)
        assert (says(), heard) == (("quarantined", ""), ["quarantined"])
        assert upload_scan(upload=upload) == Outcome.FILE_CLEAN
        assert (says(), upload.status, heard) == (("stored", ""), "stored", ["quarantined", "uploaded"])

    @pytest.mark.parametrize("strategy", ["put", "multipart"])
    def test_scan_clean_direct_upload_stores_it(self, bucket, user, scanning, heard, strategy):
        upload = started(user, bucket, strategy=strategy).upload
        sent(upload)
        assert upload_complete(user=user, upload_id=upload.pk).status == "stored"
        assert (says(), heard) == (("stored", ""), ["uploaded"])

    def test_housekeeping_scans_arrived_uploads(self, bucket, user, scanning):
        upload = started(user, bucket, strategy="put").upload
        sent(upload)
        FileUpload.objects.update(created_at=timezone.now() - timedelta(hours=1))
        assert housekeeping_run().uploads_completed == 1
        assert says() == ("stored", "")

    def test_scan_asks_every_scanner(self, bucket, user, settings):
        use(settings, "LooksForVirus", "Silent")
        assert stored_file(user, bucket).status == "stored"


class TestInfected:
    def test_scan_infected_file_removes_it_and_says_why(self, bucket, user, scanning, heard):
        upload = rejected(user, bucket)
        assert (says(), objects_in(bucket), heard) == (("rejected", FOUND_VIRUS), [], ["rejected"])
        assert (upload.claimed_until, upload.scan_after, upload.user) == (None, None, user)
        with pytest.raises(FileNotFound):
            file_presign(user=user, bucket=bucket, file_name="file")

    def test_scan_infected_frees_the_key(self, bucket, user, other, scanning):
        rejected(user, bucket)
        assert stored_file(other, bucket).status == "stored"
        rejected(user, bucket, "another")
        rejected(user, bucket, "another")
        assert FileUpload.objects.filter(status="rejected").count() == 3

    def test_scan_infected_record_can_be_removed(self, bucket, user, scanning, heard):
        upload_delete(user=user, upload_id=rejected(user, bucket).pk)
        assert not FileUpload.objects.exists()
        assert heard == ["rejected"]

    @pytest.mark.parametrize("strategy", ["put", "post", "multipart"])
    def test_scan_infected_direct_upload_removes_it(self, bucket, user, scanning, heard, strategy):
        upload = started(user, bucket, strategy=strategy).upload
        sent(upload, VIRUS)
        for _ in range(2):
            with pytest.raises(FileRejected, match=FOUND_VIRUS):
                upload_complete(user=user, upload_id=upload.pk)
        assert (says(upload), objects_in(bucket), heard) == (("rejected", FOUND_VIRUS), [], ["rejected"])

    def test_repeat_of_a_rejected_upload_is_rejected(self, bucket, user, scanning):
        key = {"bucket": bucket, "file_name": "file"}
        options = {"user": user, "owner": user, "content_type": "x/y", "original_name": "n", "idempotency_key": "key"}
        with pytest.raises(FileRejected), file_receive(**key, **options) as incoming:
            incoming.write(VIRUS)
        with pytest.raises(FileRejected, match=FOUND_VIRUS):
            upload_repeated(user=user, idempotency_key="key", **key)

    def test_restart_of_a_rejected_upload_points_to_its_record(self, bucket, user, scanning):
        options = {"user": user, "owner": user, "bucket": bucket, "file_name": "n", "content_type": "text/plain"}
        upload = upload_start(**options, size=7, strategy="put", idempotency_key="key").upload
        sent(upload, VIRUS)
        with pytest.raises(FileRejected):
            upload_complete(user=user, upload_id=upload.pk)
        with pytest.raises(UploadNotPending, match="look at its record"):
            upload_start(**options, size=7, strategy="put", idempotency_key="key")

    def test_scan_infected_by_one_scanner_is_enough(self, bucket, user, settings):
        use(settings, "Silent", "LooksForVirus")
        with pytest.raises(FileRejected, match=FOUND_SOMETHING):
            stored_file(user, bucket, content=VIRUS)

    def test_scan_again_finds_a_new_infection(self, bucket, user, later, heard):
        stored_file(user, bucket, content=VIRUS)
        assert outcomes()[1] == [Outcome.FILE_REJECTED]
        assert (says(), objects_in(bucket), heard) == (("rejected", FOUND_VIRUS), [], ["quarantined", "rejected"])

    def test_rejected_uploads_late_bytes_are_removed(self, bucket, user, scanning):
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

    def test_rejection_while_s3_is_down_is_finished_later(self, bucket, user, scanning):
        with refusing("DeleteObject"), pytest.raises(StorageUnavailable):
            stored_file(user, bucket, content=VIRUS)
        assert says() == ("deleting", FOUND_VIRUS)
        assert upload_scan(upload=record()) == Outcome.OVERTAKEN
        expire(record())
        assert housekeeping_run().records_settled == 1
        assert (says(), objects_in(bucket)) == (("rejected", FOUND_VIRUS), [])

    def test_rejection_without_the_right_is_finished_later(self, bucket, user, scanning):
        with refusing("DeleteObject", code="AccessDenied", status=403), pytest.raises(StorageAccessDenied):
            stored_file(user, bucket, content=VIRUS)
        assert says() == ("deleting", FOUND_VIRUS)
        housekeeping_run()
        assert says() == ("rejected", FOUND_VIRUS)

    def test_rejection_killed_is_finished_by_housekeeping(self, bucket, user, later, heard):
        stored_file(user, bucket, content=VIRUS)
        assert begin_rejection(record(), FOUND_VIRUS)
        expire(record())
        reported = []
        housekeeping_run(dry_run=True, on_finding=reported.append)
        housekeeping_run(on_finding=reported.append)
        assert [finding.outcome for finding in reported] == [Outcome.FILE_REJECTED] * 2
        assert (says(), objects_in(bucket), heard) == (("rejected", FOUND_VIRUS), [], ["quarantined", "rejected"])

    def test_rejection_can_be_finished_by_its_owner(self, bucket, user, later):
        stored_file(user, bucket, content=VIRUS)
        assert begin_rejection(record(), FOUND_VIRUS)
        expire(record())
        file_delete(user=user, bucket=bucket, file_name="file")
        assert not FileUpload.objects.exists()

    def test_rejected_records_do_not_keep_a_bucket(self, bucket, user, staff, scanning):
        rejected(user, bucket)
        bucket_remove(user=staff, owner_id=bucket_list(user=staff).owner_id, name=bucket)
        assert not FileUpload.objects.exists()


class TestQuarantine:
    def test_quarantined_file_cannot_be_read(self, bucket, user, later, settings, tmp_path):
        settings.PATH_TO_SAVE_FILE = str(tmp_path)
        stored_file(user, bucket)
        for give in (file_download, file_presign):
            with pytest.raises(FileQuarantined, match="being scanned"):
                give(user=user, bucket=bucket, file_name="file")
        assert object_list(user=user, bucket=bucket).objects == ()

    def test_quarantined_file_is_not_found_by_others(self, bucket, user, other, later):
        stored_file(user, bucket)
        with pytest.raises(FileNotFound):
            file_presign(user=other, bucket=bucket, file_name="file")

    def test_quarantined_file_can_be_deleted(self, bucket, user, later, heard):
        stored_file(user, bucket)
        file_delete(user=user, bucket=bucket, file_name="file")
        assert (objects_in(bucket), heard) == ([], ["quarantined", "deleted"])

    def test_quarantined_file_without_delete_right_stays(self, bucket, user, later):
        stored_file(user, bucket)
        with refusing("DeleteObject", code="AccessDenied", status=403), pytest.raises(StorageAccessDenied):
            file_delete(user=user, bucket=bucket, file_name="file")
        assert says() == ("quarantined", "")

    def test_quarantined_file_can_be_overwritten(self, bucket, user, later):
        first = stored_file(user, bucket, content=VIRUS)
        with pytest.raises(FileExists, match="overwrite=true"):
            stored_file(user, bucket)
        assert stored_file(user, bucket, overwrite=True) == first
        assert outcomes()[1] == [Outcome.FILE_CLEAN]

    def test_overwrite_of_a_stored_file_is_scanned(self, bucket, user, scanning, settings, heard):
        stored_file(user, bucket)
        settings.S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 0
        stored_file(user, bucket, content=VIRUS, overwrite=True)
        assert says() == ("quarantined", "")
        outcomes()
        assert (says(), objects_in(bucket)) == (("rejected", FOUND_VIRUS), [])
        assert heard == ["uploaded", "quarantined", "rejected"]

    @pytest.mark.parametrize("is_clean", [True, False])
    def test_overwrite_that_fails_restores_the_status(self, bucket, user, scanning, settings, is_clean):
        settings.S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 100 if is_clean else 0
        stored_file(user, bucket)
        claim_record(record(), Status.PENDING)
        expire(record())
        housekeeping_run()
        assert says() == ("stored" if is_clean else "quarantined", "")

    def test_overwrite_killed_is_scanned(self, bucket, user, scanning):
        stored_file(user, bucket)
        claim_record(record(), Status.PENDING)
        get_client().put_object(Bucket=bucket, Key="file", Body=VIRUS)
        expire(record())
        housekeeping_run()
        assert says() == ("quarantined", "")
        outcomes()
        assert says() == ("rejected", FOUND_VIRUS)

    @pytest.mark.parametrize("when", ["keep", "delete"])
    def test_user_delete_with_quarantined_files_follows_the_setting(self, bucket, user, later, settings, when):
        settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = when
        stored_file(user, bucket)
        settings.S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 100
        rejected(user, bucket, "rejected")
        user.delete()
        left = ["quarantined", "rejected"] if when == "keep" else []
        assert sorted(FileUpload.objects.values_list("status", flat=True)) == left
        assert objects_in(bucket) == (["file"] if when == "keep" else [])

    def test_user_delete_during_a_rejection_removes_the_record(self, bucket, user, later, settings):
        settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = "delete"
        upload = stored_file(user, bucket, content=VIRUS)
        with refusing("DeleteObject"), pytest.raises(StorageUnavailable):
            upload_scan(upload=upload)
        user.delete()
        assert says() == ("deleting", "")
        with pytest.raises(ClaimLost):
            remove_record(upload)
        expire(record())
        housekeeping_run()
        assert (FileUpload.objects.exists(), objects_in(bucket)) == (False, [])

    def test_adopted_object_is_scanned(self, bucket, user, scanning):
        for name, content in (("clean", b"content"), ("infected", VIRUS)):
            get_client().put_object(Bucket=bucket, Key=name, Body=content)
        bucket_compare(bucket=bucket, repairs=Repairs(adopt_for=user))
        assert set(FileUpload.objects.values_list("status", flat=True)) == {"quarantined"}
        assert outcomes()[0].files_rejected == 1
        assert objects_in(bucket) == ["clean"]

    def test_changed_object_is_scanned_again(self, bucket, user, scanning):
        stored_file(user, bucket)
        get_client().put_object(Bucket=bucket, Key="file", Body=VIRUS)
        bucket_compare(bucket=bucket, repairs=Repairs(update_records=True))
        outcomes()
        assert (says(), objects_in(bucket)) == (("rejected", FOUND_VIRUS), [])

    def test_compare_of_a_quarantined_file_finds_nothing(self, bucket, user, later):
        stored_file(user, bucket)
        stored_file(user, bucket, "lost")
        get_client().delete_object(Bucket=bucket, Key="lost")
        report = bucket_compare(bucket=bucket, repairs=Repairs(remove_records=True))
        assert (report.records_compared, report.records_without_object, report.records_removed) == (2, 1, 1)
        assert report.objects_without_record == 0

    def test_scan_again_of_a_stored_file_quarantines_it(self, bucket, user, staff, settings):
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

    def test_clean_file_with_a_live_url_waits(self, bucket, user, scanning, heard):
        upload = self.posted(user, bucket)
        assert (says(), heard) == (("quarantined", URL_STILL_WORKS), [])
        with pytest.raises(FileQuarantined, match="URL still works"):
            file_presign(user=user, bucket=bucket, file_name=upload.file_name)
        assert outcomes()[1] == []
        FileUpload.objects.update(writable_until=timezone.now() - timedelta(days=1), scan_after=timezone.now())
        assert outcomes()[1] == [Outcome.FILE_CLEAN]
        assert (says(), heard) == (("stored", ""), ["uploaded"])

    @pytest.mark.parametrize("content", [b"content", b""])
    def test_clean_file_replaced_by_its_url_stays_held(self, bucket, user, scanning, content):
        upload = self.posted(user, bucket, content)
        sent(upload, VIRUS)
        FileUpload.objects.update(writable_until=timezone.now() - timedelta(days=1), scan_after=timezone.now())
        assert outcomes()[1] == [Outcome.LEFT]
        status, reason = says()
        assert status == "quarantined"
        assert "other bytes" in reason
        bucket_compare(bucket=bucket, repairs=Repairs(update_records=True))
        outcomes()
        assert says() == ("rejected", FOUND_VIRUS)

    def test_empty_file_that_is_gone_does_not_pass(self, bucket, user, later):
        stored_file(user, bucket, content=b"")
        get_client().delete_object(Bucket=bucket, Key="file")
        assert outcomes()[1] == [Outcome.LEFT]

    def test_rewritable_until_depends_on_strategy_and_url(self, bucket, user, scanning, settings):
        settings.AWS_S3_ENDPOINT_URL = "https://s3.amazonaws.com"
        assert started(user, bucket).upload.strategy == "multipart"
        upload = FileUpload(strategy="put", writable_until=timezone.now())
        assert upload.rewritable_until is not None
        assert FileUpload(strategy="put", writable_until=timezone.now() - timedelta(days=1)).rewritable_until is None
        assert FileUpload(strategy="multipart", writable_until=timezone.now()).rewritable_until is None


class TestNoAnswer:
    def test_scanner_down_lets_no_file_pass(self, bucket, user, settings, heard):
        use(settings, "Down")
        assert stored_file(user, bucket).status == "quarantined"
        assert (says(), heard) == (("quarantined", "It cannot be reached."), ["quarantined"])
        with pytest.raises(FileQuarantined, match="cannot be reached"):
            file_presign(user=user, bucket=bucket, file_name="file")
        use(settings, "LooksForVirus")
        assert outcomes()[1] == [Outcome.FILE_CLEAN]
        assert says() == ("stored", "")

    def test_scanner_down_beside_a_clean_verdict_lets_no_file_pass(self, bucket, user, settings):
        use(settings, "LooksForVirus", "Down")
        assert stored_file(user, bucket).status == "quarantined"

    def test_file_too_large_to_scan_waits(self, bucket, user, settings):
        use(settings, "Small")
        stored_file(user, bucket)
        assert says() == ("quarantined", "It is too large.")
        assert outcomes()[1] == []  # It would say the same again.
        FileUpload.objects.update(scan_after=None)
        assert outcomes()[1] == [Outcome.LEFT]

    def test_file_too_large_to_scan_passes_by_a_setting(self, bucket, user, settings):
        settings.S3_FILE_UPLOADER_SCAN_TOO_LARGE = "pass"
        use(settings, "Small", "LooksForVirus")
        assert stored_file(user, bucket).status == "stored"
        rejected(user, bucket, "infected")

    def test_file_that_fails_the_scan_waits_under_any_setting(self, bucket, user, settings):
        settings.S3_FILE_UPLOADER_SCAN_TOO_LARGE = "pass"
        use(settings, "Puzzled")
        for number in range(FAILURES_IN_A_ROW + 2):
            stored_file(user, bucket, str(number))
        FileUpload.objects.update(scan_after=None)
        report, reported = outcomes()  # Others do not wait behind them.
        assert (report.is_complete, reported) == (True, [Outcome.LEFT] * (FAILURES_IN_A_ROW + 2))
        assert outcomes()[1] == []

    def test_scanner_that_raises_keeps_the_file_quarantined(self, bucket, user, settings):
        use(settings, "Broken")
        with pytest.raises(ZeroDivisionError):
            stored_file(user, bucket)
        assert says() == ("quarantined", SCANNER_FAILED)
        use(settings, "LooksForVirus")
        assert outcomes()[1] == [Outcome.FILE_CLEAN]

    def test_scan_while_s3_is_down_waits(self, bucket, user, scanning):
        with refusing("GetObject"):
            assert stored_file(user, bucket).status == "quarantined"
        assert says()[0] == "quarantined"
        assert outcomes()[1] == [Outcome.FILE_CLEAN]

    def test_waiting_scan_stops_after_failures_in_a_row(self, bucket, user, later, settings):
        for number in range(FAILURES_IN_A_ROW + 2):
            stored_file(user, bucket, str(number))
        use(settings, "Down")
        report, reported = outcomes()
        assert (report.files_in_quarantine, reported) == (5, [Outcome.LEFT] * FAILURES_IN_A_ROW)
        assert (report.files_left, report.is_complete) == (FAILURES_IN_A_ROW, False)
        use(settings, "LooksForVirus")
        report, reported = outcomes()
        assert (report.files_clean, report.files_in_quarantine, len(reported)) == (5, 0, 5)

    def test_waiting_scan_dry_run_scans_nothing(self, bucket, user, later):
        upload, findings, steps = stored_file(user, bucket), [], []
        report = waiting_scan(dry_run=True, on_finding=findings.append, on_progress=lambda *step: steps.append(step))
        assert (report.files_clean, report.files_in_quarantine) == (0, 1)
        assert [(finding.kind, finding.record_id, finding.outcome) for finding in findings] == [
            (Kind.FILE_QUARANTINED, upload.pk, Outcome.NOTHING)
        ]
        assert steps == [("files in quarantine", 1, 1)]
        assert says() == ("quarantined", "")


class TestMeanwhile:
    def test_scan_of_replaced_bytes_does_not_release_the_new_file(self, bucket, user, later):
        upload = stored_file(user, bucket)
        meanwhile.append(lambda: stored_file(user, bucket, content=VIRUS, overwrite=True))
        assert upload_scan(upload=upload) == Outcome.OVERTAKEN
        assert says() == ("quarantined", "")
        assert outcomes()[1] == [Outcome.FILE_REJECTED]

    def test_scan_of_replaced_bytes_does_not_remove_the_new_file(self, bucket, user, later):
        upload = stored_file(user, bucket, content=VIRUS)
        meanwhile.append(lambda: stored_file(user, bucket, overwrite=True))
        assert upload_scan(upload=upload) == Outcome.OVERTAKEN
        assert (says(), objects_in(bucket)) == (("quarantined", ""), ["file"])

    @pytest.mark.parametrize("content", [b"content", VIRUS])
    def test_scan_of_a_removed_file_is_overtaken(self, bucket, user, later, content, heard):
        upload = stored_file(user, bucket, content=content)
        meanwhile.append(lambda: file_delete(user=user, bucket=bucket, file_name="file"))
        assert upload_scan(upload=upload) == Outcome.OVERTAKEN
        assert not FileUpload.objects.exists()
        assert heard == ["quarantined", "deleted"]

    def test_scan_by_two_processes_runs_once(self, bucket, user, later, heard):
        upload = stored_file(user, bucket)
        again = record()
        meanwhile.append(lambda: reported.append(upload_scan(upload=again)))
        reported = []
        assert upload_scan(upload=upload) == Outcome.FILE_CLEAN
        assert (reported, heard) == ([Outcome.OVERTAKEN], ["quarantined", "uploaded"])

    @pytest.mark.parametrize("content", [b"content", VIRUS])
    def test_scan_by_two_after_a_stall_runs_once_to_its_end(self, bucket, user, later, heard, content):
        upload = stored_file(user, bucket, content=content)

        def other():
            FileUpload.objects.update(scan_after=timezone.now())
            reported.append(upload_scan(upload=record()))

        reported = []
        meanwhile.append(other)
        mine = upload_scan(upload=upload)
        assert sorted([mine, *reported]) == sorted(
            [Outcome.OVERTAKEN, Outcome.FILE_REJECTED if content == VIRUS else Outcome.FILE_CLEAN]
        )
        assert len(heard) == 2

    def test_scan_killed_is_repeated(self, bucket, user, later):
        upload = stored_file(user, bucket)
        assert begin_scan(upload)
        assert outcomes()[1] == []
        FileUpload.objects.update(scan_after=timezone.now())
        assert outcomes()[1] == [Outcome.FILE_CLEAN]

    def test_scan_renews_its_reservation(self, bucket, user, later, django_assert_num_queries):
        upload = stored_file(user, bucket)
        assert begin_scan(upload)
        with django_assert_num_queries(0):
            assert keep_scan(upload)
        upload.scan_after = timezone.now()
        with django_assert_num_queries(1):
            assert keep_scan(upload)
        assert record().scan_after == upload.scan_after > timezone.now()

    def test_scan_ends_when_the_file_is_gone(self, bucket, user, later):
        upload = stored_file(user, bucket, content=bytes(2 * CHUNK_BYTES))

        def removed(upload=upload, **kwargs):
            upload.scan_after = timezone.now()
            claim_record(record(), Status.DELETING)

        with on_event("after-call.s3.GetObject", removed):
            assert upload_scan(upload=upload) == Outcome.OVERTAKEN
