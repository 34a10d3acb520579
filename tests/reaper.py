"""End every process that a test run started, even if the run is killed with `kill -9`.

As a plugin of pytest, this module starts itself once for each run: `python -m tests.reaper MARK PID...`. All processes
of the run inherit the mark in their environment. Once one of the given processes ends, which are pytest and the make
that started it, the reaper ends all processes with the mark. Without /proc it does nothing.
"""

import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.processes import with_variable

MARK = "TEST_RUN"
ROOT = Path(__file__).resolve().parent.parent
ENDS_WITHIN_SECONDS = 2.0
LOOK_AGAIN_SECONDS = 0.05


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Start the reaper before the settings are loaded, which may start a PostgreSQL.

    Workers of a run do not start another.
    """
    if MARK in os.environ or not hasattr(os, "pidfd_open"):
        return
    os.environ[MARK] = uuid4().hex
    watched = [os.getpid(), *([os.getppid()] if "MAKELEVEL" in os.environ else [])]
    command = [sys.executable, "-m", "tests.reaper", os.environ[MARK], *map(str, watched)]
    unmarked = {name: value for name, value in os.environ.items() if name != MARK} | {"PYTHONPATH": str(ROOT)}
    os.posix_spawn(sys.executable, command, unmarked, setsid=True)


def reap(mark: str) -> None:
    """Ask all marked processes to end, then kill the ones that are still alive."""
    end = time.monotonic() + ENDS_WITHIN_SECONDS
    _send(signal.SIGTERM, with_variable(MARK, mark))
    while (left := with_variable(MARK, mark)) and time.monotonic() < end:
        time.sleep(LOOK_AGAIN_SECONDS)
    while left:
        _send(signal.SIGKILL, left)
        time.sleep(LOOK_AGAIN_SECONDS)
        left = with_variable(MARK, mark)


def watch(mark: str, pids: list[int]) -> None:
    """Wait until one of the processes ends, then kill the first one, which is pytest, and end all that it started."""
    with suppress(ProcessLookupError):
        run, *others = [os.pidfd_open(pid) for pid in pids]
        select.select([run, *others], [], [])
        signal.pidfd_send_signal(run, signal.SIGKILL)
    reap(mark)


def _send(number: signal.Signals, pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


if __name__ == "__main__":
    watch(sys.argv[1], [int(pid) for pid in sys.argv[2:]])
