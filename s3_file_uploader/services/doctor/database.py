"""Examine the database: reachable, migrated, isolated as it must be, and with the right time."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import Error, connections, router
from django.db.migrations.loader import MigrationLoader

from ...models import FileUpload
from .case import Case
from .findings import Diagnosis, count, failure, join, ok, warning
from .store import compare_clocks

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
SQLITE_OPTIONS = (
    'Add "transaction_mode": "IMMEDIATE" and "init_command": "PRAGMA journal_mode=WAL" to OPTIONS of DATABASES.'
)


def examine_database(case: Case) -> Iterator[Diagnosis]:
    """Connect to the database of the records."""
    connection = _get_connection()
    try:
        connection.ensure_connection()
        version = ".".join(map(str, connection.get_database_version()))
    except Error as error:
        reason = str(error).strip().partition("\n")[0]
        advice = "Check DATABASES: host, port, name and password."
        yield failure("database", f"{connection.alias}: {type(error).__name__}: {reason}", advice)
        return
    also = ", for one host" if connection.vendor == SQLITE else ""
    yield ok("database", f"{connection.display_name} {version}, {connection.alias}{also}")


def examine_migrations(case: Case) -> Iterator[Diagnosis]:
    """Compare the migrations of this app with those that the database has."""
    connection, label = _get_connection(), FileUpload._meta.app_label
    loader = MigrationLoader(connection)
    waiting = sorted(key[1] for key in loader.disk_migrations or () if key[0] == label and not _is_applied(loader, key))
    if waiting:
        seen = f"{count(len(waiting), 'migration')} not applied: {join(waiting, most=2)}"
        yield failure("migrations", seen, f"Run manage.py migrate {label}")
    else:
        yield ok("migrations", "all applied")


def _is_applied(loader: MigrationLoader, key: tuple[str, str]) -> bool:
    return key in (loader.applied_migrations or ())


def examine_isolation(case: Case) -> Iterator[Diagnosis]:
    """Look at the transaction isolation, and at what SQLite needs for writers side by side."""
    connection = _get_connection()
    if connection.vendor == SQLITE:
        yield _judge_sqlite(connection)
    elif connection.vendor == POSTGRESQL:
        level = _ask(connection, "SHOW transaction_isolation")
        if level == "read committed":
            yield ok("isolation", level)
        else:
            advice = "Leave isolation_level out of OPTIONS in DATABASES, or retry requests that fail with 500."
            yield warning("isolation", f"{level}: concurrent uploads of one user may fail", advice)
    else:
        yield warning("isolation", f"{connection.display_name} was never tried", "Use PostgreSQL or SQLite.")


def _judge_sqlite(connection: Any) -> Diagnosis:
    journal = _ask(connection, "PRAGMA journal_mode")
    mode = connection.transaction_mode  # Only an open connection has it.
    if mode in ("IMMEDIATE", "EXCLUSIVE") and journal == "wal":
        return ok("isolation", "immediate transactions, write-ahead log")
    seen = f"transaction mode {mode or 'DEFERRED'}, journal {journal}: writers fail as soon as the database is locked"
    return warning("isolation", seen, SQLITE_OPTIONS)


def examine_database_clock(case: Case) -> Iterator[Diagnosis]:
    """Compare the clock of the database, by which claims expire, with that of this machine, which signs."""
    connection = _get_connection()
    if connection.vendor != POSTGRESQL:
        yield ok("database clock", "that of this machine")
        return
    before = datetime.now(UTC)
    told = _ask(connection, "SELECT clock_timestamp()")
    yield compare_clocks("database clock", "the database", told - before)


def _get_connection() -> Any:
    return connections[router.db_for_write(FileUpload)]


def _ask(connection: Any, question: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]
