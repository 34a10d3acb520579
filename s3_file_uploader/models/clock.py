"""The time that all hosts share: that of the database.

A host decides by this time whether the lease of another host has expired. With its own clock, a host that is ahead by
half of S3_FILE_UPLOADER_CLAIM_SECONDS would take records from requests that still hold them.

Each process asks PostgreSQL once a minute by how much its own clock differs, and again if that clock was set. SQLite
has no clock of its own. Signatures are the exception: S3 compares them with the time of the host that signs.
"""

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.db import connections, router
from django.utils import timezone

logger = logging.getLogger(__name__)

MEASURE_EVERY_SECONDS = 60
WAS_SET_SECONDS = 1
WARN_FROM_SECONDS = 30
# The time of the statement, not of the transaction: https://www.postgresql.org/docs/current/functions-datetime.html
DATABASE_TIME = "SELECT extract(epoch FROM statement_timestamp())"


@dataclass(frozen=True, slots=True)
class _Measurement:
    """The difference between the two clocks, and the time of the measurement on both clocks of this machine."""

    ahead_seconds: float
    wall: float
    monotonic: float

    @property
    def is_valid(self) -> bool:
        age = time.monotonic() - self.monotonic
        was_set = abs(time.time() - self.wall - age) > WAS_SET_SECONDS
        return age < MEASURE_EVERY_SECONDS and not was_set


_measurements: dict[str, _Measurement] = {}


def shared_now() -> datetime:
    """Return the time by the clock of the database that has the records."""
    model = apps.get_model("s3_file_uploader", "FileUpload")
    connection = connections[router.db_for_write(model)]
    return timezone.now() - timedelta(seconds=measure_seconds_ahead(connection))


def measure_seconds_ahead(connection: Any) -> float:
    """Return by how many seconds the clock of this host is ahead of that of the database; negative if it is behind.

    Args:
        connection: the connection of Django. Only PostgreSQL is asked, at most once a minute.
    """
    if connection.vendor != "postgresql":
        return 0.0
    known = _measurements.get(connection.alias)
    if known is None or not known.is_valid:
        measured = _measure(connection)
        if abs(measured.ahead_seconds) >= WARN_FROM_SECONDS:
            _warn(measured.ahead_seconds)
        _measurements[connection.alias] = known = measured
    return known.ahead_seconds


def forget_measurements() -> None:
    """Measure anew with the next call."""
    _measurements.clear()


def _measure(connection: Any) -> _Measurement:
    with connection.cursor() as cursor:
        before = time.time()  # The connection is open: the time to connect is no difference of clocks.
        cursor.execute(DATABASE_TIME)
        database = float(cursor.fetchone()[0])
    wall = time.time()
    return _Measurement((before + wall) / 2 - database, wall, time.monotonic())


def _warn(ahead_seconds: float) -> None:
    logger.warning(
        "The clock of this host is %.0f s %s that of the database. Synchronize the clocks of all hosts: the service "
        "uses that of the database for its leases, but S3 compares signatures with the clock of this host.",
        *(abs(ahead_seconds), "ahead of" if ahead_seconds > 0 else "behind"),
    )
