import errno
import os
import resource
import signal
from contextlib import suppress

import pytest

from s3_file_uploader.exceptions import DownloadFolderFull, FileExists, InvalidFileName, StorageNotConfigured
from s3_file_uploader.services.download_folder.write import create_file


def save(folder, name, content=b"content"):
    with create_file(folder, name) as file:
        file.write(content)


def everything_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    "name", ["a", "bucket/a b/ключ é.bin", "/".join(["d" * 200] * 5), "b/...", "b/a\\b", "b/\u202e"]
)
def test_create_file_any_name_is_its_path(tmp_path, name):
    save(tmp_path, name)
    file = tmp_path / name
    assert file.read_bytes() == b"content"
    assert file.stat().st_mode & 0o777 == 0o640


def test_create_file_over_an_older_one_replaces_it_when_whole(tmp_path):
    save(tmp_path, "b/file", b"old")
    with suppress(KeyError), create_file(tmp_path, "b/file") as file:
        file.write(b"new")
        assert (tmp_path / "b/file").read_bytes() == b"old"
        raise KeyError
    assert (tmp_path / "b/file").read_bytes() == b"old"
    assert everything_in(tmp_path) == ["b", "b/file"]
    save(tmp_path, "b/file", b"new")
    assert (tmp_path / "b/file").read_bytes() == b"new"


def test_create_file_below_a_symbolic_link_is_refused(tmp_path):
    outside = tmp_path / "outside"
    folder = tmp_path / "folder"
    outside.mkdir()
    folder.mkdir()
    (folder / "bucket").symlink_to(outside)
    with pytest.raises(FileExists):
        save(folder, "bucket/file")
    assert everything_in(outside) == []


def test_create_file_over_a_symbolic_link_replaces_it(tmp_path):
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").symlink_to(precious)
    save(tmp_path / "folder", "file")
    assert precious.read_bytes() == b"precious"
    assert (tmp_path / "folder/file").read_bytes() == b"content"


def test_create_file_over_existing_file_or_folder_is_refused(tmp_path):
    save(tmp_path, "b/file")
    with pytest.raises(FileExists):
        save(tmp_path, "b/file/below")
    save(tmp_path, "b/folder/file")
    with pytest.raises(FileExists):
        save(tmp_path, "b/folder")
    assert everything_in(tmp_path) == ["b", "b/file", "b/folder", "b/folder/file"]


@pytest.mark.parametrize("name", ["b/" + "x" * 256, "b/" + "é" * 128, "x" * 256 + "/file"])
def test_create_file_name_too_long_for_disk_is_refused_at_once(tmp_path, name):
    with pytest.raises(InvalidFileName):
        save(tmp_path, name)
    assert everything_in(tmp_path) in ([], ["b"])


def test_create_file_without_folder_is_storage_not_configured(tmp_path):
    with pytest.raises(StorageNotConfigured, match="PATH_TO_SAVE_FILE"):
        save(tmp_path / "missing", "file")


def test_create_file_where_the_folder_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileExists):
        save(tmp_path / "file", "file")


def test_create_file_on_a_full_disk_leaves_nothing(tmp_path):
    """A real write that the kernel refuses: the limit of the file size stands in for the end of the disk (EFBIG)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(DownloadFolderFull):
            save(tmp_path, "b/file", b"x" * 2**20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert everything_in(tmp_path) == ["b"]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, DownloadFolderFull),
        (errno.EDQUOT, DownloadFolderFull),
        (errno.EACCES, StorageNotConfigured),
        (errno.EROFS, StorageNotConfigured),
        (errno.EIO, OSError),
    ],
)
def test_create_file_each_error_of_the_disk_is_translated(tmp_path, number, expected):
    with pytest.raises(expected), create_file(tmp_path, "file"):
        raise OSError(number, os.strerror(number))
    assert everything_in(tmp_path) == []
