"""The host project in a real server process, on the database and the store of the test."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import httpx
from django.db import connection

from s3_file_uploader.embedded import free_port
from tests.support.host import ROOT, environment

SERVICE = "/modules/s3-file-uploader/service/"
Server = tuple[str, ...]
WSGI: Server = ("gunicorn", "modules.wsgi:application", "--threads", "8", "--timeout", "120", "--log-level", "warning")
ASGI: Server = ("uvicorn", "modules.asgi:application", "--log-level", "warning")


def database_url(client: str = "tests") -> str:
    """Return the URL of the test's database for DATABASE_URL. PostgreSQL shows the name of the client."""
    settings: dict[str, Any] = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    return f"postgresql://{settings['USER']}@/{settings['NAME']}?host={settings['OPTIONS']['host']}&application_name={client}"


class Served:
    """A server for the duration of a `with` block. It can be killed and restarted on the same port."""

    def __init__(self, folder: Path, server: Server = WSGI, **variables: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}{SERVICE}"
        self.name = f"served-{self.port}"
        self.variables = variables
        self._log = folder / "server.log"
        own = {
            "HOME": str(folder),
            "PATH_TO_SAVE_FILE": str(folder),
            "DJANGO_LOG_LEVEL": "INFO",
            **({} if "DATABASE_URL" in variables else {"DATABASE_URL": database_url(self.name)}),
        }
        self._environment = environment(folder, **(own | variables))
        bind = ("--bind", f"127.0.0.1:{self.port}") if server[0] == "gunicorn" else ("--port", str(self.port))
        self._command = [sys.executable, "-m", *server, *bind]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._end(signal.SIGTERM)

    @property
    def log(self) -> str:
        return self._log.read_text()

    def pids(self) -> list[int]:
        """Return the processes of the server including its workers, which form a session."""
        assert self._process is not None
        return [pid for path in Path("/proc").glob("[0-9]*") if _session_of(pid := int(path.name)) == self._process.pid]

    def start(self) -> None:
        """Start the server, and wait until it responds."""
        with self._log.open("ab") as log:
            # With its own session, a kill reaches master and workers.
            self._process = subprocess.Popen(
                self._command, env=self._environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )
        for _ in range(300):
            try:
                httpx.get(f"{self.url}health/", timeout=10)
            except httpx.TransportError:
                assert self._process.poll() is None, self.log
                time.sleep(0.1)
            else:
                return
        raise AssertionError(f"No answer: {self.log}")

    def start_if_stopped(self) -> None:
        if self._process is None:
            self.start()

    def kill(self) -> None:
        """Kill master and workers at once, like a power cut."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stop the server as a process manager does: it ends running requests first."""
        self._end(signal.SIGTERM)

    def revive(self) -> None:
        """Restart the server after it killed itself."""
        if self._process is not None:
            self._process.wait(30)
        self.start()

    def _end(self, how: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        os.killpg(self._process.pid, how)
        self._process.wait(30)
        self._process = None

    def connect(self) -> socket.socket:
        """Return a raw connection to the server."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None  # The process ended after it was listed.
