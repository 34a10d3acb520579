import io

import pytest
from django.core.management import CommandError, call_command

from s3_file_uploader.models import FileUpload
from tests.support.scanners import VIRUS, use
from tests.unit.services.conftest import objects_in, stored_file

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(bucket, user, settings):
    use(settings, "LooksForVirus")
    settings.S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 0
    return stored_file(user, bucket, "clean"), stored_file(user, bucket, "infec\u200dted", VIRUS)


def run(*arguments, name="s3_scan", **options):
    output = io.StringIO()
    call_command(name, *arguments, stdout=output, **options)
    return output.getvalue().splitlines()


FIGURES = ["files clean: 1", "files rejected: 1", "files left: 0", "files in quarantine: 0"]


def test_scan_prints_figures_and_removes_infected_files(bucket, waiting):
    assert run() == FIGURES
    assert run() == ["files clean: 0", "files rejected: 0", "files left: 0", "files in quarantine: 0"]
    assert objects_in(bucket) == ["clean"]


def test_scan_with_verbosity_2_prints_each_finding(waiting):
    *lines, _, _, _, _ = run(verbosity=2)
    assert sorted(lines) == [r"bucket-one/'clean': file clean", r"bucket-one/'infec\u200dted': file rejected"]


def test_scan_with_verbosity_0_prints_nothing(waiting):
    assert run(verbosity=0) == []


def test_scan_with_dry_run_changes_nothing(waiting):
    *lines, _, _, _, last = run("--dry-run", verbosity=2)
    assert sorted(lines) == [r"bucket-one/'clean': waits", r"bucket-one/'infec\u200dted': waits"]
    assert last == "files in quarantine: 2"
    assert set(FileUpload.objects.values_list("status", flat=True)) == {"quarantined"}


def test_housekeeping_scans_waiting_files(waiting):
    assert run(name="s3_housekeeping")[-4:] == FIGURES


@pytest.mark.parametrize("name", ["s3_scan", "s3_housekeeping"])
def test_scan_without_a_scanner_fails(waiting, settings, name):
    use(settings, "Down")
    with pytest.raises(CommandError, match="to wait for the next run"):
        run(name=name)


def test_housekeeping_prints_each_waiting_file(waiting):
    lines = run("--dry-run", name="s3_housekeeping", verbosity=2)
    assert r"dry run: file quarantined 'bucket-one/clean'" in lines
    assert "files in quarantine: 2" in lines
