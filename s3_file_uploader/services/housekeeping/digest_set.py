"""A set of SHA-256 digests on disk: millions of them in bounded memory.

It is a temporary file without a name, in the folder that SQLITE_TMPDIR or TMPDIR names, so a killed process leaves
nothing behind. A digest takes about 50 bytes.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager

CACHE_KIB = 16 * 1024
# Older SQLite versions take no more parameters: https://www.sqlite.org/limits.html#max_variable_number
AT_A_TIME = 500
# No other process sees the file and it need not survive (https://www.sqlite.org/inmemorydb.html#temp_db), so all is one
# transaction that never ends: pages go to the disk only when the cache is full.
SET_UP = f"""
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA temp_store = FILE;
    PRAGMA cache_size = -{CACHE_KIB};
    CREATE TABLE digests (digest BLOB PRIMARY KEY) WITHOUT ROWID;
    BEGIN;
"""


class DigestSet:
    """Add and find digests in lower-case hex; `open_digest_set` opens it."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Create the empty table."""
        self._database = database
        self._database.executescript(SET_UP)

    def add(self, digests: Iterable[str]) -> None:
        """Add digests; known ones are no error."""
        # Sorted, so that neighbours go to the same page.
        rows = [(digest,) for digest in sorted(map(bytes.fromhex, digests))]
        self._database.executemany("INSERT OR IGNORE INTO digests VALUES (?)", rows)

    def missing(self, digests: Sequence[str]) -> set[str]:
        """Return the digests that were never added."""
        starts = range(0, len(digests), AT_A_TIME)
        return set(digests).difference(*(self._find_known(digests[at : at + AT_A_TIME]) for at in starts))

    def _find_known(self, digests: Sequence[str]) -> Iterator[str]:
        marks = ",".join("?" * len(digests))
        rows = self._database.execute(
            f"SELECT digest FROM digests WHERE digest IN ({marks})",  # noqa: S608 - question marks alone
            [bytes.fromhex(digest) for digest in digests],
        )
        return (digest.hex() for (digest,) in rows)


@contextmanager
def open_digest_set() -> Iterator[DigestSet]:
    """Open an empty set, and remove it after the block.

    Raises:
        OSError: the temporary folder has no room.
    """
    try:
        with closing(sqlite3.connect("", isolation_level=None)) as database:
            yield DigestSet(database)
    except sqlite3.Error as error:
        raise OSError(f"There is no room for temporary files ({error}): free some, or set SQLITE_TMPDIR.") from error
