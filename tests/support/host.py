"""The host project in a process of its own, without this machine's environment and without `.env`."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.reaper import MARK

ROOT = Path(__file__).resolve().parents[2]
STARTS_WITHIN_SECONDS = 60
ALL_APPS = {"DJANGO_SETTINGS_MODULE": "tests.support.all_apps"}


def environment(data_dir: Path, **variables: str) -> dict[str, str]:
    """Return the environment for `manage.py` with its own data folder."""
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", MARK) if name in os.environ}
    own = {"DATA_DIR": str(data_dir), "PYTHON_DOTENV_DISABLED": "true", "PYTHONUNBUFFERED": "1"}
    return clean | own | variables


def python(data_dir: Path, *arguments: str, cwd: Path = ROOT, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run this Python until it ends, by default in the folder of the project."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment(data_dir, **variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def serving(command: str, port: int, *, cwd: Path, env: Mapping[str, str]) -> Iterator[None]:
    """Run a line of the docs that starts a server, until the block ends; enter the block once it listens."""
    server = subprocess.Popen(
        ["bash", "-euc", f"exec {command}"],
        cwd=cwd,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(port, server)
        yield
    finally:
        os.killpg(server.pid, signal.SIGINT)
        server.wait(30)


def _wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < end:
        assert server.poll() is None
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("The server does not listen.")
