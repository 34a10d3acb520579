"""Other requests treat quarantined files as their own kind."""

import pytest

from s3_file_uploader.exceptions import (
    ClaimLost,
    FileExists,
    FileNotFound,
    FileQuarantined,
    FileRejected,
    StorageAccessDenied,
    StorageUnavailable,
)
from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.lease import claim_record
from s3_file_uploader.models.transitions import remove_record
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import (
    Repairs,
    bucket_compare,
    file_delete,
    file_download,
    file_presign,
    housekeeping_run,
    object_list,
    upload_scan,
    upload_scan_again,
)
from s3_file_uploader.services.reports import Outcome
from tests.support.scanners import FOUND_VIRUS, VIRUS, use
from tests.unit.services.conftest import expire, objects_in, refusing, stored_file
from tests.unit.services.scanning.conftest import outcomes, record, rejected, says

pytestmark = pytest.mark.django_db(transaction=True)
Status = FileUpload.Status


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
