from datetime import timedelta

import pytest
from django.core.cache.backends.dummy import DummyCache
from django.utils import timezone

from s3_file_uploader.models import FileUpload, HousekeepingRun
from s3_file_uploader.models.lease import create_claimed, end_lease_in
from s3_file_uploader.scanners import Verdict
from s3_file_uploader.services.doctor.surroundings import (
    examine_cache,
    examine_housekeeping,
    examine_scanners,
    examine_tasks,
    examine_waiting,
)
from tests.support.scanners import use
from tests.unit.services.conftest import stored_file
from tests.unit.services.doctor.conftest import only, seen

LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
FILES = "django.core.cache.backends.filebased.FileBasedCache"


class ForgetfulCache(DummyCache):
    """A cache that looks shared and keeps nothing."""


class Suspicious:
    """A scanner that condemns everything."""

    def scan(self, chunks, *, upload):
        return Verdict(is_clean=False, reason=f"{upload.file_name} is suspicious.")


class TestCache:
    def test_cache_of_each_process_is_ok_without_throttles(self, case, settings):
        settings.CACHES = {"default": {"BACKEND": LOCMEM}}
        assert only(examine_cache(case)).status == "ok"
        settings.S3_FILE_UPLOADER_THROTTLE_RATES = {"sign": "1/s"}
        assert only(examine_cache(case)).status == "warning"

    def test_shared_cache_is_written_and_read(self, case, settings, tmp_path):
        settings.CACHES = {"default": {"BACKEND": FILES, "LOCATION": str(tmp_path / "cache")}}
        assert only(examine_cache(case)).seen == "FileBasedCache, which processes share"
        assert not list((tmp_path / "cache").iterdir())

    def test_shared_cache_that_forgets_fails(self, case, settings):
        settings.CACHES = {"default": {"BACKEND": f"{__name__}.ForgetfulCache"}}
        assert only(examine_cache(case)).status == "failure"


class TestScanners:
    def test_each_scanner_is_tried(self, case, settings):
        assert only(examine_scanners(case)).seen == "none in the settings"
        use(settings, "LooksForVirus", "Down")
        settings.S3_FILE_UPLOADER_SCANNERS += [f"{__name__}.Suspicious"]
        assert seen(examine_scanners(case)) == [
            ("ok", "scanners", "LooksForVirus finds a harmless text clean"),
            ("failure", "scanners", "Down: It cannot be reached."),
            ("failure", "scanners", "Suspicious condemns a harmless text: s3_doctor.txt is suspicious."),
        ]


class TestTasks:
    def test_without_scanners_none_are_needed(self, case, settings):
        assert only(examine_tasks(case)).seen == "none needed"
        use(settings, "LooksForVirus")
        assert only(examine_tasks(case)).seen == "none: s3_scan and housekeeping scan large files"

    def test_backend_is_named(self, case, settings):
        settings.S3_FILE_UPLOADER_SCAN_TASK_BACKEND = "default"
        assert only(examine_tasks(case)).seen == "ImmediateBackend, default"


@pytest.mark.django_db
class TestHousekeeping:
    def test_without_a_run_is_a_warning(self, case):
        assert only(examine_housekeeping(case)).seen == "has never run on this database"

    @pytest.mark.parametrize(
        ("minutes", "is_complete", "status", "text"),
        [
            (4, True, "ok", "ran 4 minutes ago"),
            (4, False, "warning", "ran 4 minutes ago, and left some work"),
            (60, True, "warning", "ran 1 hour ago"),
            (1440, True, "failure", "ran 1 day ago"),
        ],
    )
    def test_last_run_is_judged_by_its_age(self, case, minutes, is_complete, status, text):
        HousekeepingRun.record(is_complete=is_complete)
        HousekeepingRun.objects.update(ended_at=timezone.now() - timedelta(minutes=minutes))
        diagnosis = only(examine_housekeeping(case))
        assert (diagnosis.status, diagnosis.seen) == (status, text)


@pytest.mark.django_db
class TestWaiting:
    def test_nothing_waits(self, case):
        assert seen(examine_waiting(case)) == [
            ("ok", "abandoned", "none of 0 unfinished"),
            ("ok", "quarantined", "none"),
        ]

    def test_old_work_is_a_warning(self, case, bucket, user, settings):
        use(settings, "Down")
        stored_file(user, bucket)
        for name in ("live", "abandoned"):
            upload = create_claimed(user=user, bucket=bucket, file_name=name, content_type="x/y")
        end_lease_in(upload, -120)
        assert seen(examine_waiting(case)) == [
            ("ok", "abandoned", "1 file of 2 unfinished, the oldest for 2 minutes"),
            ("ok", "quarantined", "1 file in quarantine, the oldest for 0 seconds"),
        ]
        long_ago = timezone.now() - timedelta(hours=3, minutes=1)
        FileUpload.objects.filter(pk=upload.pk).update(claimed_until=long_ago)
        FileUpload.objects.filter(status="quarantined").update(completed_at=long_ago)
        assert seen(examine_waiting(case)) == [
            ("warning", "abandoned", "1 file of 2 unfinished, the oldest for 3 hours"),
            ("warning", "quarantined", "1 file in quarantine, the oldest for 3 hours"),
        ]
