"""The clock of the database decides about leases. PostgreSQL is played by a stand-in."""

import logging
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.utils import timezone

from s3_file_uploader.models import clock


class Connection:
    """A connection to a PostgreSQL whose clock is behind that of this host by `ahead`."""

    def __init__(self, ahead=0.0, vendor="postgresql"):
        self.alias, self.vendor, self.ahead = "clock-test", vendor, ahead
        self.asked = 0

    @contextmanager
    def cursor(self):
        yield self

    def execute(self, query):
        assert "statement_timestamp" in query
        self.asked += 1

    def fetchone(self):
        return [time.time() - self.ahead]


@pytest.fixture(autouse=True)
def forget():
    clock.forget_measurements()
    yield
    clock.forget_measurements()


@pytest.mark.parametrize("ahead", [300.0, -300.0, 0.0])
def test_difference_is_measured_once_a_minute(ahead):
    connection = Connection(ahead)
    measured = {clock.measure_seconds_ahead(connection) for _ in range(3)}
    assert len(measured) == connection.asked == 1
    assert measured.pop() == pytest.approx(ahead, abs=1)


def test_difference_is_measured_anew_after_a_minute(monkeypatch):
    connection = Connection()
    clock.measure_seconds_ahead(connection)
    monkeypatch.setattr(clock, "MEASURE_EVERY_SECONDS", 0)
    clock.measure_seconds_ahead(connection)
    assert connection.asked == 2


def test_difference_is_measured_anew_after_the_clock_was_set(monkeypatch):
    connection, now = Connection(), time.time
    clock.measure_seconds_ahead(connection)
    monkeypatch.setattr(time, "time", lambda: now() + 100)
    clock.measure_seconds_ahead(connection)
    assert connection.asked == 2


def test_sqlite_is_not_asked():
    connection = Connection(300, vendor="sqlite")
    assert clock.measure_seconds_ahead(connection) == connection.asked == 0


@pytest.mark.parametrize(
    ("ahead", "words"), [(300.0, ["300 s ahead of that of the database"]), (-31.0, ["31 s behind"]), (20.0, [])]
)
def test_wrong_clock_is_logged(ahead, words, caplog):
    with caplog.at_level(logging.WARNING):
        clock.measure_seconds_ahead(Connection(ahead))
    assert len(caplog.messages) == len(words)
    assert all(word in message for word, message in zip(words, caplog.messages, strict=True))


def test_shared_time_of_sqlite_is_that_of_the_process():
    assert abs(clock.shared_now() - timezone.now()) < timedelta(seconds=1)
