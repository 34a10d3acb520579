"""Record the copies that this app saved under PATH_TO_SAVE_FILE, and limit the room that they take.

    (no row) ──room is reserved──> reserved ──all bytes are written──> saved ──copy is removed──> (no row)

The rows are in an SQLite database in the folder itself, so hosts that share a folder share its list. A row holds the
path, size and time of a copy. A file without a row, or one that changed since, is neither removed nor counted.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ...exceptions import DownloadFolderFull, StorageNotConfigured, StorageProblem, StorageUnavailable
from .write import create_file, remove_file, translate_os_errors

LIST = ".s3_file_uploader.sqlite3"
TABLES = (
    "CREATE TABLE IF NOT EXISTS copy (id INTEGER PRIMARY KEY, path TEXT NOT NULL, size INTEGER NOT NULL, "
    "changed_ns INTEGER, saved_at REAL NOT NULL)",
    "CREATE INDEX IF NOT EXISTS copy_path ON copy (path)",
)
# The name, the inode and the last block of a file take room too: many empty files would fill a disk.
OVERHEAD_BYTES = 4096
# The part of the disk that stays free for everything else on this host.
FREE_SHARE = 0.05
LOCK_SECONDS = 20
# An older reservation belongs to a process that was killed.
RESERVED_SECONDS = 86_400
FULL = "The download folder is full: try again later, or read the file through its own address."
BUSY = "The download folder is busy: try again in a moment."
UNUSABLE = f"The list of saved copies, {LIST} under PATH_TO_SAVE_FILE, cannot be used: see to its rights, or remove it."


class SavedCopy(NamedTuple):
    """A saved copy; `saved_at` is in seconds since 1970."""

    number: int
    path: str
    saved_at: float


@contextmanager
def save_copy(
    folder: Path,
    path: str,
    *,
    size: int,
    max_bytes: int | None,
    disk: Callable[[int], os.statvfs_result] = os.fstatvfs,
) -> Iterator[BinaryIO]:
    """Save a copy as `create_file` does, if there is room for it.

    Args:
        folder: must exist.
        path: relative, as for `create_file`.
        size: of the whole file, in bytes.
        max_bytes: limit for all copies in the folder; None leaves the limit of the disk.
        disk: returns the statistics of a file system.

    Raises:
        DownloadFolderFull: there is no room; nothing was written.
        StorageNotConfigured, StorageUnavailable: the list of copies cannot be used.
        InvalidFileName, FileExists: as `create_file`.
    """
    _require_free_disk(folder, size, disk)
    number = _reserve(folder, path, size, max_bytes)
    with ExitStack() as undo:
        undo.callback(_forget, folder, number)
        with create_file(folder, path) as file:
            yield file
            file.flush()
            _mark_saved(folder, path, number, file)
        undo.pop_all()


def remove_copy(folder: Path, path: str) -> None:
    """Remove the saved copy of a file, if this folder has one.

    Raises:
        OSError, StorageProblem: the copy could not be removed; housekeeping tries again.
    """
    if not _has_list(folder):
        return
    with _open_list(folder) as connection:
        rows = connection.execute("SELECT id FROM copy WHERE path = ? AND changed_ns IS NOT NULL", (path,)).fetchall()
    remove_copies(folder, [number for (number,) in rows])


def list_copies(folder: Path, *, after: int, limit: int) -> Sequence[SavedCopy]:
    """Return copies in the order of their numbers; none if there is no list.

    Args:
        folder: as for `save_copy`.
        after: number of the last copy of the page before, 0 at first.
        limit: how many at most.
    """
    if not _has_list(folder):
        return []
    with _open_list(folder) as connection:
        select = "SELECT id, path, saved_at FROM copy WHERE id > ? AND changed_ns IS NOT NULL ORDER BY id LIMIT ?"
        return [SavedCopy(*row) for row in connection.execute(select, (after, limit))]


def remove_copies(folder: Path, numbers: Sequence[int]) -> None:
    """Remove copies from the folder and from the list; a file that changed since only leaves the list.

    Raises:
        OSError, StorageProblem: a copy could not be removed; the copies before it are gone.
    """
    for number in numbers:
        with _change_list(folder) as connection:
            delete = "DELETE FROM copy WHERE id = ? RETURNING path, size, changed_ns"
            for path, size, changed_ns in connection.execute(delete, (number,)).fetchall():
                is_idle = connection.execute("SELECT 1 FROM copy WHERE changed_ns IS NULL").fetchone() is None
                # A copy that is being written may need the folders that look empty.
                remove_file(folder, path, size=size, changed_ns=changed_ns, empty_folders=is_idle)


def _has_list(folder: Path) -> bool:
    """Return True if a copy was ever saved; a process that was killed early leaves an empty file."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return (folder / LIST).stat().st_size > 0
    return False


def _require_free_disk(folder: Path, size: int, disk: Callable[[int], os.statvfs_result]) -> None:
    with translate_os_errors():
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            statistics = disk(opened)
        finally:
            os.close(opened)
    # A file system that does not know its size reports 0 blocks.
    free, total = statistics.f_bavail * statistics.f_frsize, statistics.f_blocks * statistics.f_frsize
    if total and free - size < total * FREE_SHARE:
        raise DownloadFolderFull(FULL)


def _reserve(folder: Path, path: str, size: int, max_bytes: int | None) -> int:
    now = time.time()
    with _change_list(folder) as connection:
        connection.execute("DELETE FROM copy WHERE changed_ns IS NULL AND saved_at < ?", (now - RESERVED_SECONDS,))
        select = "SELECT COALESCE(SUM(size + ?), 0) FROM copy"
        ((taken,),) = connection.execute(select, (OVERHEAD_BYTES,)).fetchall()
        if max_bytes is not None and taken + size + OVERHEAD_BYTES > max_bytes:
            raise DownloadFolderFull(FULL)
        insert = "INSERT INTO copy (path, size, saved_at) VALUES (?, ?, ?) RETURNING id"
        return int(connection.execute(insert, (path, size, now)).fetchall()[0][0])


def _mark_saved(folder: Path, path: str, number: int, file: BinaryIO) -> None:
    """Record size and time of the copy before it replaces an earlier one."""
    written = os.fstat(file.fileno())
    with _change_list(folder) as connection:
        connection.execute("DELETE FROM copy WHERE id = ? OR path = ? AND changed_ns IS NOT NULL", (number, path))
        insert = "INSERT INTO copy (id, path, size, changed_ns, saved_at) VALUES (?, ?, ?, ?, ?)"
        connection.execute(insert, (number, path, written.st_size, written.st_mtime_ns, time.time()))


def _forget(folder: Path, number: int) -> None:
    with _change_list(folder) as connection:
        connection.execute("DELETE FROM copy WHERE id = ?", (number,))


@contextmanager
def _change_list(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open the list for one exclusive transaction; create it if it is missing."""
    with translate_os_errors():
        os.close(os.open(folder / LIST, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    with _open_list(folder) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for statement in TABLES:
            connection.execute(statement)
        yield connection
        connection.execute("COMMIT")


@contextmanager
def _open_list(folder: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(folder / LIST, timeout=LOCK_SECONDS, isolation_level=None)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise _translate(error) from error


def _translate(error: sqlite3.Error) -> StorageProblem | DownloadFolderFull:
    match getattr(error, "sqlite_errorcode", None):
        case sqlite3.SQLITE_FULL:
            return DownloadFolderFull(FULL)
        case sqlite3.SQLITE_BUSY:
            return StorageUnavailable(BUSY)
    return StorageNotConfigured(UNUSABLE)
