import errno
import os
import resource
import signal
from contextlib import suppress

import pytest

from s3_file_uploader.exceptions import DownloadFolderFull, FileExists, InvalidFileName, StorageNotConfigured
from s3_file_uploader.services.download_folder.write import file_saved_under


def save(folder, name, content=b"content"):
    with file_saved_under(folder, name) as file:
        file.write(content)


def everything_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    "name", ["a", "bucket/a b/ключ é.bin", "/".join(["d" * 200] * 5), "b/...", "b/a\\b", "b/\u202e"]
)
def test_a_file_lies_where_its_name_says(tmp_path, name):
    save(tmp_path, name)
    file = tmp_path / name
    assert file.read_bytes() == b"content"
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_file_of_that_name_is_replaced_only_when_the_new_one_is_whole(tmp_path):
    save(tmp_path, "b/file", b"old")
    with suppress(KeyError), file_saved_under(tmp_path, "b/file") as file:
        file.write(b"new")
        assert (tmp_path / "b/file").read_bytes() == b"old"
        raise KeyError
    assert (tmp_path / "b/file").read_bytes() == b"old"
    assert everything_in(tmp_path) == ["b", "b/file"]
    save(tmp_path, "b/file", b"new")
    assert (tmp_path / "b/file").read_bytes() == b"new"


def test_a_symbolic_link_leads_nowhere(tmp_path):
    outside = tmp_path / "outside"
    folder = tmp_path / "folder"
    outside.mkdir()
    folder.mkdir()
    (folder / "bucket").symlink_to(outside)
    with pytest.raises(FileExists):
        save(folder, "bucket/file")
    assert everything_in(outside) == []


def test_a_link_in_the_place_of_the_file_is_replaced_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").symlink_to(precious)
    save(tmp_path / "folder", "file")
    assert precious.read_bytes() == b"precious"
    assert (tmp_path / "folder/file").read_bytes() == b"content"


def test_a_file_where_a_folder_is_needed_and_the_other_way_round(tmp_path):
    save(tmp_path, "b/file")
    with pytest.raises(FileExists):
        save(tmp_path, "b/file/below")
    save(tmp_path, "b/folder/file")
    with pytest.raises(FileExists):
        save(tmp_path, "b/folder")
    assert everything_in(tmp_path) == ["b", "b/file", "b/folder", "b/folder/file"]


@pytest.mark.parametrize("name", ["b/" + "x" * 256, "b/" + "é" * 128, "x" * 256 + "/file"])
def test_a_name_too_long_for_the_disk_is_found_out_before_anything_is_written(tmp_path, name):
    with pytest.raises(InvalidFileName):
        save(tmp_path, name)
    assert everything_in(tmp_path) in ([], ["b"])


def test_the_folder_must_be_there(tmp_path):
    with pytest.raises(StorageNotConfigured, match="PATH_TO_SAVE_FILE"):
        save(tmp_path / "missing", "file")


def test_the_folder_must_be_a_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileExists):
        save(tmp_path / "file", "file")


def test_a_full_disk_leaves_nothing_behind(tmp_path):
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
def test_what_the_disk_says(tmp_path, number, expected):
    with pytest.raises(expected), file_saved_under(tmp_path, "file"):
        raise OSError(number, os.strerror(number))
    assert everything_in(tmp_path) == []
