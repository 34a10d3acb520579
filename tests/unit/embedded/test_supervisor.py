"""The supervisor, within this process: other tests run it in a process of its own."""

import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from s3_file_uploader.embedded import supervisor
from s3_file_uploader.embedded.private_files import acquire_lock, open_private

pytestmark = pytest.mark.slow  # It starts servers.
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)",
]


@pytest.fixture
def user(tmp_path: Path) -> Iterator[IO[bytes]]:
    """Yield the file `users`, on which this process holds the lock of one user until it is closed."""
    with open_private(tmp_path / "users") as file:
        assert acquire_lock(file, shared=True)
        yield file


def test_supervise_prints_the_pid_and_returns_the_exit_code(capfd, tmp_path, user):
    command = [sys.executable, "-c", "import os; print(os.getpid(), flush=True); os._exit(7)"]
    assert supervisor.supervise(command, tmp_path / "users") == 7
    out, err = capfd.readouterr()
    assert out == err


@pytest.mark.parametrize(("command", "code"), [(SLEEP, -signal.SIGTERM), (DEAF, -signal.SIGKILL)])
def test_supervise_after_last_process_left_stops_the_program(command, code, capfd, tmp_path, user):
    threading.Timer(0.5, user.close).start()
    assert supervisor.supervise(command, tmp_path / "users", killed_after_seconds=0.2) == code
