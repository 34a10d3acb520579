"""Know which files under PATH_TO_SAVE_FILE this app saved, and how much room they take.

    (no row) ──room is reserved──> reserved ──all bytes are written──> saved ──copy is removed──> (no row)

The rows lie in an SQLite database in the folder itself, so each folder has its own, whichever hosts share it. A row
names path, size and time of a copy. A file that has no row, or was changed since, is not removed and not counted.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ...exceptions import DownloadFolderFull, StorageNotConfigured, StorageProblem, StorageUnavailable
from .write import file_saved_under, os_errors, saved_file_remove

LIST = ".s3_file_uploader.sqlite3"
TABLES = """
CREATE TABLE IF NOT EXISTS copy (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL, size INTEGER NOT NULL, changed_ns INTEGER, saved_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS copy_path ON copy (path);
CREATE TABLE IF NOT EXISTS total (size INTEGER NOT NULL);
INSERT INTO total SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM total);
CREATE TRIGGER IF NOT EXISTS copy_added AFTER INSERT ON copy BEGIN
    UPDATE total SET size = size + NEW.size + 4096;
END;
CREATE TRIGGER IF NOT EXISTS copy_removed AFTER DELETE ON copy BEGIN
    UPDATE total SET size = size - OLD.size - 4096;
END;
"""
# The name, the inode and the last block of a file take room, too: many empty files would fill a disk.
OVERHEAD_BYTES = 4096
# The part of the disk that stays free for everything else on this host.
FREE_SHARE = 0.05
LOCK_SECONDS = 20
# A reservation that is older was left by a process that was killed.
RESERVED_SECONDS = 86_400
FULL = "The download folder is full: try again later, or read the file through its own address."
BUSY = "The download folder is busy: try again in a moment."
UNUSABLE = f"The list of saved copies, {LIST} under PATH_TO_SAVE_FILE, cannot be used: see to its rights, or remove it."


class SavedCopy(NamedTuple):
    """A copy that was saved; `saved_at` is in seconds since 1970."""

    number: int
    path: str
    saved_at: float


@contextmanager
def copy_saved(
    folder: Path,
    path: str,
    *,
    size: int,
    max_bytes: int | None,
    disk: Callable[[int], os.statvfs_result] = os.fstatvfs,
) -> Iterator[BinaryIO]:
    """Save a copy as `file_saved_under` does, if there is room for it.

    Args:
        folder: must exist.
        path: relative, as of `file_saved_under`.
        size: of the whole file, in bytes.
        max_bytes: of all copies in the folder; None for no limit but that of the disk.
        disk: tells about the file system.

    Raises:
        DownloadFolderFull: there is no room; nothing was written.
        StorageNotConfigured, StorageUnavailable: the list of copies cannot be used.
        InvalidFileName, FileExists: as `file_saved_under`.
    """
    number = _reserve(folder, path, size, max_bytes, disk)
    with ExitStack() as undo:
        undo.callback(_forget, folder, [number])
        with file_saved_under(folder, path) as file:
            yield file
            file.flush()
            _mark_saved(folder, path, number, file)
        undo.pop_all()


def copy_remove(folder: Path, path: str) -> None:
    """Remove the saved copy of a file, if this folder has one.

    Raises:
        OSError, StorageProblem: it could not be removed; housekeeping tries again.
    """
    if not _has_list(folder):
        return
    with _listed(folder) as connection:
        numbers = connection.execute(
            "SELECT id FROM copy WHERE path = ? AND changed_ns IS NOT NULL", (path,)
        ).fetchall()
    copies_remove(folder, [number for (number,) in numbers])


def copies_after(folder: Path, number: int, *, limit: int) -> Sequence[SavedCopy]:
    """Return copies that are on the list, in the order of their numbers; none where there is no list.

    Args:
        folder: that of `copy_saved`.
        number: of the last copy before.
        limit: how many at most.
    """
    if not _has_list(folder):
        return []
    with _listed(folder) as connection:
        wanted = "SELECT id, path, saved_at FROM copy WHERE id > ? AND changed_ns IS NOT NULL ORDER BY id LIMIT ?"
        return [SavedCopy(*row) for row in connection.execute(wanted, (number, limit))]


def copies_remove(folder: Path, numbers: Sequence[int]) -> None:
    """Remove copies from the folder and from the list; a file that was changed since is only taken off the list.

    Raises:
        OSError, StorageProblem: one could not be removed; those before it are gone.
    """
    for number in numbers:
        with _changing(folder) as connection:
            wanted = "DELETE FROM copy WHERE id = ? RETURNING path, size, changed_ns"
            for path, size, changed_ns in connection.execute(wanted, (number,)).fetchall():
                is_idle = connection.execute("SELECT 1 FROM copy WHERE changed_ns IS NULL").fetchone() is None
                # While a copy is being written, the folders that look empty may be its own.
                saved_file_remove(folder, path, size=size, changed_ns=changed_ns, empty_folders=is_idle)


def reservations_forget(folder: Path) -> None:
    """Forget reservations of processes that were killed.

    Raises:
        StorageProblem: the list cannot be used.
    """
    if _has_list(folder):
        with _changing(folder) as connection:
            too_old = time.time() - RESERVED_SECONDS
            connection.execute("DELETE FROM copy WHERE changed_ns IS NULL AND saved_at < ?", (too_old,))


def _has_list(folder: Path) -> bool:
    """Return whether a copy was ever saved; the file is empty where a process was killed before it had one."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return (folder / LIST).stat().st_size > 0
    return False


def _reserve(
    folder: Path, path: str, size: int, max_bytes: int | None, disk: Callable[[int], os.statvfs_result]
) -> int:
    with os_errors():
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            found = disk(opened)
        finally:
            os.close(opened)
    # A file system that does not know its size has 0 blocks.
    if found.f_blocks and found.f_bavail * found.f_frsize - size < found.f_blocks * found.f_frsize * FREE_SHARE:
        raise DownloadFolderFull(FULL)
    with _changing(folder) as connection:
        ((taken,),) = connection.execute("SELECT size FROM total").fetchall()
        if max_bytes is not None and taken + size + OVERHEAD_BYTES > max_bytes:
            raise DownloadFolderFull(FULL)
        insert = "INSERT INTO copy (path, size, saved_at) VALUES (?, ?, ?) RETURNING id"
        return int(connection.execute(insert, (path, size, time.time())).fetchall()[0][0])


def _mark_saved(folder: Path, path: str, number: int, file: BinaryIO) -> None:
    """Know the copy by its size and time, before it takes the place of an earlier one."""
    written = os.fstat(file.fileno())
    with _changing(folder) as connection:
        connection.execute("DELETE FROM copy WHERE id = ? OR path = ? AND changed_ns IS NOT NULL", (number, path))
        insert = "INSERT INTO copy (id, path, size, changed_ns, saved_at) VALUES (?, ?, ?, ?, ?)"
        connection.execute(insert, (number, path, written.st_size, written.st_mtime_ns, time.time()))


def _forget(folder: Path, numbers: Sequence[int]) -> None:
    with _changing(folder) as connection:
        connection.executemany("DELETE FROM copy WHERE id = ?", [(number,) for number in numbers])


@contextmanager
def _changing(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open the list, made where there is none, for one transaction that excludes all others."""
    with os_errors():
        os.close(os.open(folder / LIST, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    with _listed(folder) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for statement in _statements():
            connection.execute(statement)
        yield connection
        connection.execute("COMMIT")


def _statements() -> Iterator[str]:
    """Yield the statements of `TABLES`: `executescript` would end the transaction."""
    statement = ""
    for line in TABLES.strip().splitlines():
        statement += f"{line}\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def _listed(folder: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(folder / LIST, timeout=LOCK_SECONDS, isolation_level=None)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise _problem(error) from error


def _problem(error: sqlite3.Error) -> StorageProblem | DownloadFolderFull:
    match getattr(error, "sqlite_errorcode", None):
        case sqlite3.SQLITE_FULL:
            return DownloadFolderFull(FULL)
        case sqlite3.SQLITE_BUSY:
            return StorageUnavailable(BUSY)
    return StorageNotConfigured(UNUSABLE)
