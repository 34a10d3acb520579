"""Report at the end of `make test`: each run of pytest adds a line, and `python -m tests.report` prints them all."""

import os
import platform
import sys
from pathlib import Path

import django
import pytest

from tests.support import programs

REPORT = "TEST_REPORT"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Add a line about this run, and a line for each reason to skip. Workers of pytest-xdist add none."""
    if hasattr(config, "workerinput"):
        return
    outcomes = terminalreporter.stats
    suites = " ".join(path.replace("tests/", "") for path in config.args)
    database = "PostgreSQL" if os.environ.get("TEST_DATABASE") == "postgresql" else "SQLite"
    counts = ", ".join(f"{len(outcomes[name])} {name}" for name in ("passed", "failed", "error") if outcomes.get(name))
    report_line(f"{suites} on {database}: {counts or 'nothing ran'}")
    reasons = [skipped.longrepr[-1].removeprefix("Skipped: ") for skipped in outcomes.get("skipped", ())]
    for reason in sorted(set(reasons)):
        report_line(f"{suites} on {database}: {reasons.count(reason)} DID NOT RUN: {reason}")


def report_line(line: str) -> None:
    """Add a line to the report, if the run has one."""
    if path := os.environ.get(REPORT):
        with Path(path).open("a") as file:
            file.write(f"{line}\n")


def versions() -> str:
    """Return the versions of the programs that the tests used."""
    brought = [program.version for program in (programs.chromium(), programs.clamd()) if program]
    node = f"Node.js {programs.node().version}"
    return ", ".join([f"Python {platform.python_version()}", f"Django {django.__version__}", node, *brought])


if __name__ == "__main__":
    programs.use()
    sys.stdout.write(f"\n{Path(os.environ[REPORT]).read_text()}with {versions()}\n")
