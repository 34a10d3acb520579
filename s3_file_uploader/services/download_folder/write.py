"""Write one file under a folder: whole or not at all, and never outside the folder.

Each segment of the name is opened relative to the one before it, never through a symbolic link (openat(2) with
O_NOFOLLOW). So a change of the folder meanwhile cannot lead the file elsewhere. POSIX systems only.
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
def create_file(folder: Path, name: str) -> Iterator[BinaryIO]:
    """Open a new file to write; it takes its name when the block ends without an error, and replaces an older file.

    Args:
        folder: must exist.
        name: relative; segments joined by '/', none of them empty, '.' or '..'.

    Raises:
        StorageNotConfigured: the folder is missing or not writable.
        InvalidFileName: a segment is longer than the file system allows.
        FileExists: a segment is a file or symbolic link, or the name is a directory.
        DownloadFolderFull: no room; nothing is left behind.
    """
    *parents, last = name.split("/")
    with translate_os_errors(), ExitStack() as stack:
        here = _keep_open(stack, os.open(folder, _DIRECTORY))
        for parent in parents:
            here = _keep_open(stack, _open_directory(parent, here))
        # Otherwise a name that is too long would fail only after the whole download.
        _require_name_length(last, here)
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


def remove_file(folder: Path, name: str, *, size: int, changed_ns: int, empty_folders: bool) -> None:
    """Remove a file that `create_file` wrote, unless it changed since; never through a symbolic link.

    Args:
        folder: as for `create_file`.
        name: as for `create_file`.
        size: of the file as it was written, in bytes.
        changed_ns: its modification time then, in nanoseconds.
        empty_folders: remove the folders between both too, if nothing else is in them.

    Raises:
        OSError: the file could not be removed.
    """
    *parents, last = name.split("/")
    with ExitStack() as stack:
        parents_open = []
        try:
            here = _keep_open(stack, os.open(folder, _DIRECTORY))
            for parent in parents:
                parents_open.append((here, parent))
                here = _keep_open(stack, os.open(parent, _DIRECTORY | os.O_NOFOLLOW, dir_fd=here))
            status = os.stat(last, dir_fd=here, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return
        if (status.st_size, status.st_mtime_ns) != (size, changed_ns):
            return
        os.unlink(last, dir_fd=here)
        with suppress(OSError):  # Another file is in there.
            for above, parent in reversed(parents_open) if empty_folders else ():
                os.rmdir(parent, dir_fd=above)


def remove_partial_files(folder: Path, *, older_than_seconds: float, dry_run: bool = False) -> int:
    """Remove partial files that a killed process left, and return their number.

    Args:
        folder: as for `create_file`; it may be missing.
        older_than_seconds: age since the last write.
        dry_run: count the files only.
    """
    removed, too_old = 0, time.time() - older_than_seconds
    for _path, _folders, files, here in os.fwalk(folder.resolve()) if folder.is_dir() else ():
        for name in filter(PARTIAL_FILE.fullmatch, files):
            with suppress(OSError):  # Another host, or the process that writes the file, was faster.
                if os.stat(name, dir_fd=here, follow_symlinks=False).st_mtime < too_old:
                    if not dry_run:
                        os.unlink(name, dir_fd=here)
                    removed += 1
    return removed


def _keep_open(stack: ExitStack, descriptor: int) -> int:
    stack.callback(os.close, descriptor)
    return descriptor


def _open_directory(name: str, parent: int) -> int:
    with suppress(FileExistsError):  # Another request may have made it just now; the open fails if it is no directory.
        os.mkdir(name, 0o750, dir_fd=parent)
    return os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)


def _require_name_length(name: str, directory: int) -> None:
    if len(name.encode()) > os.fpathconf(directory, "PC_NAME_MAX"):
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))


@contextmanager
def translate_os_errors() -> Iterator[None]:
    """Translate errors of the operating system about the download folder."""
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
