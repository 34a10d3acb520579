"""One file under a folder: written whole or not at all, and never outside the folder.

Each segment of the name is opened relative to the one before it and never through a symbolic link (openat(2) with
O_NOFOLLOW), so what happens to the folder meanwhile cannot lead the file elsewhere. POSIX systems only.
"""

import errno
import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ...exceptions import DownloadFolderFull, FileExists, InvalidFileName, StorageNotConfigured

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

PARTIAL_FILE = re.compile(r"\.[0-9a-f]{32}\.part")


@contextmanager
def file_saved_under(folder: Path, name: str) -> Iterator[BinaryIO]:
    """Open a file to write and read; it takes its name, replacing what had it, when the block ends without an error.

    Args:
        folder: must exist.
        name: relative, segments joined by '/', already free of empty, '.' and '..' segments.

    Raises:
        StorageNotConfigured: the folder is missing or not writable.
        InvalidFileName: a segment is longer than the file system allows.
        FileExists: a segment is a file or symbolic link, or the name is a directory.
        DownloadFolderFull: no room; nothing is left behind.
    """
    *parents, last = name.split("/")
    with os_errors(), ExitStack() as stack:
        here = _opened(stack, os.open(folder, _DIRECTORY))
        for parent in parents:
            here = _opened(stack, _directory_open(parent, here))
        # Without this a name that is too long would be found out only after the whole download.
        _name_length_check(last, here)
        temporary = f".{uuid.uuid4().hex}.part"
        descriptor = os.open(temporary, _NEW_FILE, 0o640, dir_fd=here)
        undo = stack.enter_context(ExitStack())
        undo.callback(os.unlink, temporary, dir_fd=here)
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, last, src_dir_fd=here, dst_dir_fd=here)
        undo.pop_all()


def saved_file_remove(folder: Path, name: str, *, size: int, changed_ns: int, empty_folders: bool) -> bool:
    """Remove a file that `file_saved_under` saved, unless another one lies there by now; never through a symbolic link.

    Args:
        folder: that of `file_saved_under`.
        name: as there.
        size: of the file as it was saved, in bytes.
        changed_ns: its time of change as it was saved, in nanoseconds.
        empty_folders: whether folders between both go too, if nothing else is in them.

    Returns:
        Whether it was there.

    Raises:
        OSError: it could not be removed.
    """
    *parents, last = name.split("/")
    with ExitStack() as stack:
        opened = []
        try:
            here = _opened(stack, os.open(folder, _DIRECTORY))
            for parent in parents:
                opened.append((here, parent))
                here = _opened(stack, os.open(parent, _DIRECTORY | os.O_NOFOLLOW, dir_fd=here))
            found = os.stat(last, dir_fd=here, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return False
        if (found.st_size, found.st_mtime_ns) != (size, changed_ns):
            return False
        os.unlink(last, dir_fd=here)
        with suppress(OSError):  # Another file is in there.
            for above, parent in reversed(opened) if empty_folders else ():
                os.rmdir(parent, dir_fd=above)
    return True


def partial_files_remove(folder: Path, *, older_than_seconds: float, dry_run: bool = False) -> int:
    """Remove what a killed process left of files that were never whole.

    Args:
        folder: that of `file_saved_under`; nothing happens where it is missing.
        older_than_seconds: since the last byte was written.
        dry_run: count them only.

    Returns:
        How many there were.
    """
    removed, too_old = 0, time.time() - older_than_seconds
    for _path, _folders, files, here in os.fwalk(folder.resolve()) if folder.is_dir() else ():
        for name in filter(PARTIAL_FILE.fullmatch, files):
            with suppress(OSError):  # Another host, or the process that writes it, was faster.
                if os.stat(name, dir_fd=here, follow_symlinks=False).st_mtime < too_old:
                    if not dry_run:
                        os.unlink(name, dir_fd=here)
                    removed += 1
    return removed


def _opened(stack: ExitStack, descriptor: int) -> int:
    stack.callback(os.close, descriptor)
    return descriptor


def _directory_open(name: str, parent: int) -> int:
    with suppress(FileExistsError):  # Made before, or by another request just now; the open says if it is a directory.
        os.mkdir(name, 0o750, dir_fd=parent)
    return os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)


def _name_length_check(name: str, directory: int) -> None:
    if len(name.encode()) > os.fpathconf(directory, "PC_NAME_MAX"):
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))


@contextmanager
def os_errors() -> Iterator[None]:
    """Translate what the operating system says of the download folder."""
    try:
        yield
    except OSError as error:
        match error.errno:
            case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
                raise DownloadFolderFull("There is no room for the file under PATH_TO_SAVE_FILE: free some.") from error
            case errno.ENAMETOOLONG:
                raise InvalidFileName(
                    "A segment of the name is too long for this server's disk: use a presigned URL instead."
                ) from error
            case errno.ENOTDIR | errno.ELOOP | errno.EISDIR:
                raise FileExists("A part of the name is taken by another file in the download folder.") from error
            case errno.ENOENT | errno.EACCES | errno.EPERM | errno.EROFS:
                raise StorageNotConfigured(
                    "PATH_TO_SAVE_FILE must be a folder that this server may write to."
                ) from error
        raise
