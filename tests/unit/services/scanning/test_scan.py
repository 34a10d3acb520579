"""A file in quarantine is scanned, and the verdict is acted upon."""

from datetime import timedelta

import pytest
from django.utils import timezone

from s3_file_uploader.exceptions import (
    FileNotFound,
    FileQuarantined,
    FileRejected,
    StorageAccessDenied,
    StorageUnavailable,
    UploadNotPending,
)
from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.lease import claim_record
from s3_file_uploader.models.transitions import begin_rejection, begin_scan, keep_scan
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.scanners import ScannerUnavailable, load_scanners
from s3_file_uploader.services import (
    Repairs,
    bucket_compare,
    bucket_list,
    bucket_remove,
    file_delete,
    file_presign,
    file_receive,
    housekeeping_run,
    upload_complete,
    upload_delete,
    upload_repeated,
    upload_scan,
    upload_start,
)
from s3_file_uploader.services.reports import Outcome
from s3_file_uploader.services.scanning.scan import FOUND_SOMETHING, URL_STILL_WORKS
from s3_file_uploader.values import CHUNK_BYTES
from tests.support.scanners import FOUND_VIRUS, VIRUS, meanwhile, use
from tests.unit.services.conftest import expire, objects_in, on_event, refusing, sent, started, stored_file
from tests.unit.services.scanning.conftest import outcomes, record, rejected, says

pytestmark = pytest.mark.django_db(transaction=True)
Status = FileUpload.Status


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
        settings.S3_FILE_UPLOADER_STORE = []
        assert started(user, bucket).upload.strategy == "multipart"
        upload = FileUpload(strategy="put", writable_until=timezone.now())
        assert upload.rewritable_until is not None
        assert FileUpload(strategy="put", writable_until=timezone.now() - timedelta(days=1)).rewritable_until is None
        assert FileUpload(strategy="multipart", writable_until=timezone.now()).rewritable_until is None


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
