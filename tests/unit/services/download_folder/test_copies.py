"""Housekeeping of saved copies."""

import sqlite3
from contextlib import closing

import pytest

from s3_file_uploader.models import FileUpload
from s3_file_uploader.services import file_download, housekeeping_run
from s3_file_uploader.services.download_folder.index import LIST
from tests.unit.services.conftest import stored_file

pytestmark = pytest.mark.django_db


def aged(folder, days):
    """Let all copies be older."""
    with closing(sqlite3.connect(folder / LIST)) as connection, connection:
        connection.execute("UPDATE copy SET saved_at = saved_at - ?", (days * 86_400,))


@pytest.fixture
def copies(bucket, user, tmp_path):
    """Save two files, and have another program save one."""
    for name in ("folder/one", "two"):
        stored_file(user, bucket, name)
        file_download(user=user, bucket=bucket, file_name=name)
    (tmp_path / bucket / "folder" / "foreign").write_bytes(b"of another program")
    return tmp_path / bucket


def left_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


ALL = ["folder/foreign", "folder/one", "two"]


@pytest.mark.parametrize(("days", "age", "removed"), [(7, 6.9, 0), (7, 7.1, 2), (None, 1000, 0), (0, 0.001, 2)])
def test_housekeeping_old_copies_go_and_other_files_stay(copies, tmp_path, settings, days, age, removed):
    settings.S3_FILE_UPLOADER_DOWNLOAD_DAYS = days
    aged(tmp_path, age)
    assert housekeeping_run(dry_run=True).saved_copies_removed == removed
    assert left_in(copies) == ALL
    assert housekeeping_run().saved_copies_removed == removed
    assert left_in(copies) == (["folder/foreign"] if removed else ALL)
    assert housekeeping_run().saved_copies_removed == 0


def test_housekeeping_removes_copies_of_files_deleted_elsewhere(copies):
    FileUpload.objects.filter(file_name="two").delete()
    assert housekeeping_run().saved_copies_removed == 1
    assert left_in(copies) == ["folder/foreign", "folder/one"]


def test_housekeeping_list_that_cannot_be_read_is_logged(db, tmp_path, caplog):
    (tmp_path / LIST).write_bytes(b"no database" * 100)
    assert housekeeping_run().saved_copies_removed == 0
    assert "wait for the next run" in caplog.text
