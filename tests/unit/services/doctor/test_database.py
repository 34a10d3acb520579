from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder

from s3_file_uploader.services.doctor import database
from s3_file_uploader.services.doctor.database import (
    examine_database,
    examine_database_clock,
    examine_isolation,
    examine_migrations,
)
from tests.unit.services.doctor.conftest import only

pytestmark = pytest.mark.django_db


class FakeConnection:
    """A connection of another kind than that of the tests."""

    alias, display_name = "default", "Other"

    def __init__(self, vendor, answer=None, mode=None, error=None):
        self.vendor, self.answer, self.transaction_mode, self.error = vendor, answer, mode, error

    def ensure_connection(self):
        raise self.error

    def cursor(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def execute(self, question):
        self.question = question

    def fetchone(self):
        return (self.answer,)


@pytest.fixture
def connected(monkeypatch):
    """Return a function that puts a connection in the place of that of the tests."""

    def connect(*arguments, **options):
        monkeypatch.setattr(database, "connections", {"default": FakeConnection(*arguments, **options)})

    return connect


def test_database_of_the_tests_is_ok(case):
    diagnosis = only(examine_database(case))
    assert (diagnosis.status, diagnosis.name) == ("ok", "database")
    assert f"{connection.display_name} " in diagnosis.seen


def test_database_names_its_version_and_sqlite_its_one_host(case, monkeypatch):
    for vendor, end in (("sqlite", "default, for one host"), ("postgresql", "default")):
        fake = SimpleNamespace(
            vendor=vendor,
            alias="default",
            display_name="Database",
            ensure_connection=lambda: None,
            get_database_version=lambda: (18, 4),
        )
        monkeypatch.setattr(database, "connections", {"default": fake})
        assert only(examine_database(case)).seen == f"Database 18.4, {end}"


def test_database_that_is_down_fails_with_the_first_line(case, connected):
    connected("postgresql", error=OperationalError("connection refused\n\tIs the server running?"))
    diagnosis = only(examine_database(case))
    assert (diagnosis.status, diagnosis.seen) == ("failure", "default: OperationalError: connection refused")


def test_migrations_that_are_missing_are_named(case):
    assert only(examine_migrations(case)).seen == "all applied"
    MigrationRecorder(connection).record_unapplied("s3_file_uploader", "0001_initial")
    diagnosis = only(examine_migrations(case))
    assert (diagnosis.seen, diagnosis.advice) == (
        "1 migration not applied: 0001_initial",
        "Run manage.py migrate s3_file_uploader",
    )


def test_isolation_of_the_tests_is_ok(case):
    assert only(examine_isolation(case)).status == "ok"


@pytest.mark.parametrize(
    ("vendor", "answer", "mode", "status"),
    [
        ("sqlite", "wal", "IMMEDIATE", "ok"),
        ("sqlite", "wal", None, "warning"),
        ("sqlite", "delete", "IMMEDIATE", "warning"),
        ("postgresql", "read committed", None, "ok"),
        ("postgresql", "serializable", None, "warning"),
        ("mysql", None, None, "warning"),
    ],
)
def test_isolation_is_judged(case, connected, vendor, answer, mode, status):
    connected(vendor, answer, mode)
    assert only(examine_isolation(case)).status == status


@pytest.mark.parametrize(("seconds", "status"), [(0, "ok"), (60, "warning")])
def test_clock_of_postgresql_is_compared(case, connected, seconds, status):
    connected("postgresql", datetime.now(UTC) + timedelta(seconds=seconds))
    assert only(examine_database_clock(case)).status == status


def test_clock_of_sqlite_is_that_of_the_machine(case, connected):
    connected("sqlite")
    assert only(examine_database_clock(case)).seen == "that of this machine"
