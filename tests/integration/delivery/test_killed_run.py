"""A test run that is killed leaves no server behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.integration import hanging
from tests.support.host import ROOT
from tests.support.processes import children, command, is_alive

STARTS_WITHIN_SECONDS = 120
ENDS_WITHIN_SECONDS = 30
OF_THIS_RUN = ("COV_", "MAKE", "MFLAGS", "PYTEST_", "TEST_R")
KINDS = ("chromium", "gunicorn", "juicefs", "pytest", "uvicorn")


def within(seconds, condition):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def tree(pid):
    return [pid, *(descendant for child in children(pid) for descendant in tree(child))]


@pytest.fixture
def run():
    """Start a test run under make, like `make test`. Return make's process and all processes of the run."""
    started = []
    with TemporaryDirectory(prefix="killed-") as name:  # The path of a socket has at most 107 characters.
        folder = Path(name)
        test = f"{sys.executable} -m pytest -n 1 -p no:cacheprovider -p no:schemathesis {hanging.__file__}"
        (folder / "Makefile").write_text(f"run:\n\t@exec {test}\n")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(OF_THIS_RUN)}
        environment |= {"READY": str(folder / "ready"), "TMPDIR": name}
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(
                ["make", "-f", folder / "Makefile"], cwd=ROOT, env=environment, stdout=log, stderr=log
            ) as make,
        ):
            try:
                is_ready = within(STARTS_WITHIN_SECONDS, (folder / "ready").exists)
                started += tree(make.pid)
                assert is_ready, (folder / "log").read_text()
                started += map(int, (folder / "ready").read_text().split())
                yield make, started
            finally:  # Otherwise the end of this block would wait for make.
                for pid in filter(is_alive, started):
                    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("killed", ["pytest", "make"])
def test_run_that_is_killed_leaves_no_process(run, killed):
    make, started = run
    commands = " ".join(map(command, started))
    assert [kind for kind in KINDS if kind not in commands] == []
    assert all(map(is_alive, started))
    os.kill(make.pid if killed == "make" else children(make.pid)[0], signal.SIGKILL)
    make.wait(ENDS_WITHIN_SECONDS)
    within(ENDS_WITHIN_SECONDS, lambda: not any(map(is_alive, started)))
    assert [command(pid) for pid in started if is_alive(pid)] == []
