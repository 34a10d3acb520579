"""A set of SHA-256 digests on disk: millions of them in bounded memory.

It lies in a temporary file without a name, in the folder that SQLITE_TMPDIR or TMPDIR names, so a process that is
killed leaves nothing. A digest takes about 50 bytes.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager

CACHE_KIB = 16 * 1024
# Older SQLites take no more parameters: https://www.sqlite.org/limits.html#max_variable_number
AT_A_TIME = 500
# Nobody else sees the file and nothing has to survive (https://www.sqlite.org/inmemorydb.html#temp_db), so all is one
# transaction that never ends: pages go to the disk only where the cache is full.
SET_UP = f"""
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA temp_store = FILE;
    PRAGMA cache_size = -{CACHE_KIB};
    CREATE TABLE digests (digest BLOB PRIMARY KEY) WITHOUT ROWID;
    BEGIN;
"""


class DigestSet:
    """Takes and finds digests in lower-case hex; `digest_set` opens it."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Begin empty."""
        self._database = database
        self._database.executescript(SET_UP)

    def add(self, digests: Iterable[str]) -> None:
        """Take some; those that are there already are no error."""
        # In order, so that neighbours go to the same page.
        rows = [(digest,) for digest in sorted(map(bytes.fromhex, digests))]
        self._database.executemany("INSERT OR IGNORE INTO digests VALUES (?)", rows)

    def missing(self, digests: Sequence[str]) -> set[str]:
        """Return those that were never added."""
        return set(digests).difference(*(self._known(digests[at : at + AT_A_TIME]) for at in self._starts(digests)))

    def _starts(self, digests: Sequence[str]) -> range:
        return range(0, len(digests), AT_A_TIME)

    def _known(self, digests: Sequence[str]) -> Iterator[str]:
        marks = ",".join("?" * len(digests))
        found = self._database.execute(
            f"SELECT digest FROM digests WHERE digest IN ({marks})",  # noqa: S608 - question marks alone
            [bytes.fromhex(digest) for digest in digests],
        )
        return (digest.hex() for (digest,) in found)


@contextmanager
def digest_set() -> Iterator[DigestSet]:
    """Open an empty set; it is gone with the block.

    Raises:
        OSError: the temporary folder cannot take it.
    """
    try:
        with closing(sqlite3.connect("", isolation_level=None)) as database:
            yield DigestSet(database)
    except sqlite3.Error as error:
        raise OSError(f"There is no room for temporary files ({error}): free some, or set SQLITE_TMPDIR.") from error
