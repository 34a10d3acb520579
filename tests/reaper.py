"""End what a run of the tests has started, however the run ends, by `kill -9` too.

As a plugin of pytest it starts itself once a run: `python -m tests.reaper MARK PID...`. All that the tests start
inherits the mark in its environment. As soon as one of the given processes has ended, which are pytest and the make
that started it, all that is left is ended. It reads /proc; where there is none, it does nothing.
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
    """Start before the settings are loaded, which may start a PostgreSQL; not again in a worker of the same run."""
    if MARK in os.environ or not hasattr(os, "pidfd_open"):
        return
    os.environ[MARK] = uuid4().hex
    watched = [os.getpid(), *([os.getppid()] if "MAKELEVEL" in os.environ else [])]
    command = [sys.executable, "-m", "tests.reaper", os.environ[MARK], *map(str, watched)]
    unmarked = {name: value for name, value in os.environ.items() if name != MARK} | {"PYTHONPATH": str(ROOT)}
    os.posix_spawn(sys.executable, command, unmarked, setsid=True)


def reap(mark: str) -> None:
    """Ask all that are left to end, and kill those that do not."""
    end = time.monotonic() + ENDS_WITHIN_SECONDS
    _send(signal.SIGTERM, with_variable(MARK, mark))
    while (left := with_variable(MARK, mark)) and time.monotonic() < end:
        time.sleep(LOOK_AGAIN_SECONDS)
    while left:
        _send(signal.SIGKILL, left)
        time.sleep(LOOK_AGAIN_SECONDS)
        left = with_variable(MARK, mark)


def watch(mark: str, pids: list[int]) -> None:
    """Wait until one of the processes has ended; then end the first, which is pytest, and all that it started."""
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
