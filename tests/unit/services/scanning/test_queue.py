"""Files wait in quarantine while a scanner gives no verdict."""

import pytest

from s3_file_uploader.exceptions import FileQuarantined
from s3_file_uploader.models import FileUpload
from s3_file_uploader.services import file_presign, waiting_scan
from s3_file_uploader.services.reports import Kind, Outcome
from s3_file_uploader.services.scanning.queue import FAILURES_IN_A_ROW
from s3_file_uploader.services.scanning.scan import SCANNER_FAILED
from tests.support.scanners import use
from tests.unit.services.conftest import refusing, stored_file
from tests.unit.services.scanning.conftest import outcomes, rejected, says

pytestmark = pytest.mark.django_db(transaction=True)


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
