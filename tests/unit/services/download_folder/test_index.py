"""Copies under PATH_TO_SAVE_FILE: the room that they take, and the files that are not removed."""

import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest

from s3_file_uploader.exceptions import DownloadFolderFull, FileExists, StorageNotConfigured, StorageUnavailable
from s3_file_uploader.services.download_folder import index
from s3_file_uploader.services.download_folder.index import (
    LIST,
    OVERHEAD_BYTES,
    list_copies,
    remove_copies,
    remove_copy,
    save_copy,
)


def save(folder, path, content=b"content", *, max_bytes=None, **options):
    with save_copy(folder, path, size=len(content), max_bytes=max_bytes, **options) as file:
        file.write(content)


def everything_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.name != LIST)


def total(folder):
    with closing(sqlite3.connect(folder / LIST)) as connection:
        return connection.execute("SELECT COALESCE(SUM(size + ?), 0) FROM copy", (OVERHEAD_BYTES,)).fetchone()[0]


def numbers(folder):
    return [copy.number for copy in list_copies(folder, after=0, limit=100)]


class Disk:
    """A file system of 1,000 blocks of 1 KiB."""

    def __init__(self, free, blocks=1000):
        self.f_frsize, self.f_bavail, self.f_blocks = 1024, free, blocks

    def __call__(self, descriptor):
        return self


def test_save_copy_counts_each_existing_copy_once(tmp_path):
    for content in (b"first", b"second time"):
        save(tmp_path, "b/file", content)
        assert total(tmp_path) == len(content) + OVERHEAD_BYTES
    save(tmp_path, "b/another", b"")
    assert total(tmp_path) == 11 + 2 * OVERHEAD_BYTES
    remove_copy(tmp_path, "b/file")
    remove_copy(tmp_path, "b/another")
    assert (total(tmp_path), everything_in(tmp_path)) == (0, [])


def test_save_copy_limit_counts_copies_in_progress(tmp_path):
    limit = 3 * (OVERHEAD_BYTES + 100)
    save(tmp_path, "b/1", b"x" * 100, max_bytes=limit)
    with save_copy(tmp_path, "b/2", size=100, max_bytes=limit):
        with save_copy(tmp_path, "b/3", size=100, max_bytes=limit):
            with pytest.raises(DownloadFolderFull):
                save(tmp_path, "b/4", b"", max_bytes=limit)
    assert everything_in(tmp_path) == ["b", "b/1", "b/2", "b/3"]


def test_save_copy_error_gives_the_room_back(tmp_path):
    with suppress(KeyError), save_copy(tmp_path, "b/file", size=100, max_bytes=None):
        raise KeyError
    (tmp_path / "b/folder").mkdir()
    with pytest.raises(FileExists):
        save(tmp_path, "b/folder")
    assert total(tmp_path) == 0


def test_save_copy_many_at_once_never_exceed_the_limit(tmp_path):
    limit = 5 * (OVERHEAD_BYTES + 1000)

    def attempt(number):
        with suppress(DownloadFolderFull):
            save(tmp_path, f"b/{number}", b"x" * 1000, max_bytes=limit)
            return 1
        return 0

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 5
    assert len(everything_in(tmp_path)) == 6


@pytest.mark.parametrize(("free", "fits"), [(60, True), (51, True), (50, False), (0, False)])
def test_save_copy_last_twentieth_of_the_disk_stays_free(tmp_path, free, fits):
    if fits:
        save(tmp_path, "b/file", b"x" * 1024, disk=Disk(free))
    else:
        with pytest.raises(DownloadFolderFull):
            save(tmp_path, "b/file", b"x" * 1024, disk=Disk(free))
        assert everything_in(tmp_path) == []


def test_save_copy_disk_of_unknown_size_is_no_limit(tmp_path):
    save(tmp_path, "b/file", disk=Disk(0, blocks=0))


def test_save_copy_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(StorageNotConfigured, match="PATH_TO_SAVE_FILE"):
        save(tmp_path / "missing", "b/file")


@pytest.mark.parametrize("content", [b"no database" * 1000, b"SQLite format 3\0"])
def test_save_copy_list_that_is_damaged_is_named(tmp_path, content):
    (tmp_path / LIST).write_bytes(content)
    with pytest.raises(StorageNotConfigured, match=LIST):
        save(tmp_path, "b/file")
    assert everything_in(tmp_path) == []


def test_save_copy_list_is_private(tmp_path):
    save(tmp_path, "b/file")
    assert (tmp_path / LIST).stat().st_mode & 0o777 == 0o600


def test_save_copy_list_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / LIST).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExists):
        save(tmp_path, "b/file")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (sqlite3.SQLITE_FULL, DownloadFolderFull),
        (sqlite3.SQLITE_BUSY, StorageUnavailable),
        (sqlite3.SQLITE_CORRUPT, StorageNotConfigured),
    ],
)
def test_translate_each_answer_of_the_database_has_its_error(code, expected):
    error = sqlite3.OperationalError()
    error.sqlite_errorcode = code
    assert isinstance(index._translate(error), expected)


def test_remove_copy_without_a_list_touches_nothing(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b/file").write_bytes(b"of another program")
    for _ in range(2):
        remove_copy(tmp_path, "b/file")
        assert list_copies(tmp_path, after=0, limit=10) == []
        assert (tmp_path / "b/file").exists()
        (tmp_path / LIST).touch()  # A process was killed before it had written anything.
    remove_copy(tmp_path / "b/file", "b/file")


@pytest.mark.parametrize("change", ["content", "time", "link", "folder", "gone", "folder gone", "folder is a link"])
def test_remove_copies_file_that_is_not_the_copy_stays(tmp_path, change):
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    save(folder, "b/file")
    file, expected = folder / "b/file", {"b", "b/file"}
    match change:
        case "content":
            file.write_bytes(b"longer than before")
        case "time":
            os.utime(file, ns=(0, 0))
        case "link":
            file.unlink()
            file.symlink_to(outside)
        case "folder":
            file.unlink()
            file.mkdir()
        case "gone":
            file.unlink()
            expected = {"b"}
        case "folder gone":
            file.unlink()
            file.parent.rmdir()
            expected = set()
        case "folder is a link":
            file.rename(outside / "file")
            file.parent.rmdir()
            file.parent.symlink_to(outside)
            assert (folder / "b/file").exists()
            expected = {"b"}
    before = sorted(outside.iterdir())
    with suppress(OSError):
        remove_copies(folder, numbers(folder))
    assert set(everything_in(folder)) == expected
    assert sorted(outside.iterdir()) == before


def test_remove_copies_keeps_an_empty_folder_only_during_a_write(tmp_path):
    save(tmp_path, "b/c/d/file")
    save(tmp_path, "b/another")
    with save_copy(tmp_path, "b/c/d/e/new", size=0, max_bytes=None):
        remove_copies(tmp_path, numbers(tmp_path)[:1])
    assert "b/c/d/e/new" in everything_in(tmp_path)
    remove_copy(tmp_path, "b/c/d/e/new")
    assert everything_in(tmp_path) == ["b", "b/another"]


def test_remove_copies_undeletable_file_stays_on_the_list(tmp_path):
    save(tmp_path, "b/file")
    with closing(sqlite3.connect(tmp_path / LIST)) as connection, connection:
        connection.execute("UPDATE copy SET path = ?", (f"{'x' * 300}/file",))
    with pytest.raises(OSError, match="too long"):
        remove_copies(tmp_path, numbers(tmp_path))
    assert len(numbers(tmp_path)) == 1


def test_save_copy_ignores_reservations_of_killed_processes(tmp_path):
    with save_copy(tmp_path, "b/new", size=1, max_bytes=None):
        with closing(sqlite3.connect(tmp_path / LIST)) as connection, connection:
            too_old = time.time() - index.RESERVED_SECONDS - 1
            connection.execute("INSERT INTO copy (path, size, saved_at) VALUES ('b/killed', 10, ?)", (too_old,))
        save(tmp_path, "b/another", b"", max_bytes=1 + 2 * OVERHEAD_BYTES)
        assert total(tmp_path) == 1 + 2 * OVERHEAD_BYTES
    assert len(numbers(tmp_path)) == 2
