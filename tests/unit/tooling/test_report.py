"""The lines at the end of `make test`."""

from types import SimpleNamespace

import pytest

from tests import report


def skipped(reason):
    return SimpleNamespace(longrepr=("tests/integration/test_x.py", 7, f"Skipped: {reason}"))


@pytest.fixture
def lines(tmp_path, monkeypatch):
    path = tmp_path / "report"
    monkeypatch.setenv(report.REPORT, str(path))

    def lines(**outcomes):
        config = SimpleNamespace(args=["tests/unit"])
        report.pytest_terminal_summary(SimpleNamespace(stats=outcomes), config)
        return path.read_text().splitlines()

    return lines


def test_report_with_tests_that_passed_counts_them(lines, monkeypatch):
    monkeypatch.setenv("TEST_DATABASE", "postgresql")
    assert lines(passed=[1, 2]) == ["unit on PostgreSQL: 2 passed"]


def test_report_with_skipped_tests_lists_each_reason_once(lines, monkeypatch):
    monkeypatch.delenv("TEST_DATABASE", raising=False)
    assert lines(passed=[1], failed=[2, 3], skipped=[skipped("no clamd"), skipped("no clamd"), skipped("no time")]) == [
        "unit on SQLite: 1 passed, 2 failed",
        "unit on SQLite: 2 DID NOT RUN: no clamd",
        "unit on SQLite: 1 DID NOT RUN: no time",
    ]


def test_report_in_a_worker_of_a_run_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv(report.REPORT, str(tmp_path / "report"))
    config = SimpleNamespace(args=["tests/unit"], workerinput={})
    report.pytest_terminal_summary(SimpleNamespace(stats={"passed": [1]}), config)
    assert not (tmp_path / "report").exists()


def test_versions_name_python_django_and_node():
    said = report.versions()
    assert said.startswith("Python 3.")
    assert "Django " in said
    assert "Node.js v" in said
