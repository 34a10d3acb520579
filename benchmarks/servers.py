"""The service and its rivals, each in its own processes: under gunicorn, and Companion under Node."""

import json
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import STDOUT, Popen
from typing import Any

import httpx

from s3_file_uploader.embedded import LOOPBACK, free_port
from tests.support.programs import node

from .curl import Command, curl
from .errors import ContenderFailed
from .meters import rest, sum_mib
from .processes import ROOT, running
from .store import BUCKET

SERVICE = "/modules/s3-file-uploader/service/"
OURS = "modules.wsgi"
RIVALS = "benchmarks.rivals.wsgi"
COMPANION = ROOT / "benchmarks" / "rivals" / "companion"
CLIENTS = ROOT / "benchmarks" / "client"
# A query with ten thousand part numbers exceeds Node's default limit of 16 KiB.
COMPANION_HEADER_BYTES = 64 * 1024
# An unhealthy response is enough here, because the warm-up comes later.
ASKED_FIRST = "/no-such-address/"
READY_WITHIN_SECONDS = 60
LOOK_AGAIN_SECONDS = 0.05
LOG_SHOWN_CHARACTERS = 2000


@dataclass(frozen=True)
class Server:
    """A server: its address, its workers or itself by id, and their memory after a warm-up with small files only."""

    address: str
    workers: tuple[int, ...]
    idle_mib: float = 0.0

    @property
    def url(self) -> str:
        """The URL without a slash at the end."""
        return f"http://{self.address}"


NO_SERVER = Server("", ())


@contextmanager
def served(
    wsgi: str | None, environment: Mapping[str, str], *, folder: Path, processes: int = 1, threads: int = 8
) -> Iterator[Server]:
    """Serve until the block ends.

    Args:
        wsgi: the module with the application, an ASGI one if its name ends so. None for a contender that uses the store
            directly.
        environment: the environment of a stage.
        folder: the folder for the log.
        processes: the number of workers.
        threads: the number of threads of each.
    """
    if wsgi is None:
        yield NO_SERVER
        return
    address = f"{LOOPBACK}:{free_port()}"
    kind = "asgi" if wsgi.endswith(".asgi") else "gthread"
    workers = [f"--workers={processes}", f"--worker-class={kind}", f"--threads={threads}"]
    options = [f"--bind={address}", *workers, "--timeout=600", "--log-level=warning", "--no-control-socket"]
    command = [sys.executable, "-m", "gunicorn", f"{wsgi}:application", *options]
    with _listening(command, environment, Server(address, ()), folder=folder, processes=processes) as server:
        yield server


@contextmanager
def companion_served(environment: Mapping[str, str], *, folder: Path, processes: int = 1) -> Iterator[Server]:
    """Serve Companion until the block ends. The arguments are those of `served`.

    Raises:
        ContenderFailed: Companion is not installed.
    """
    node = shutil.which("node")
    if node is None or companion_version() is None:
        raise ContenderFailed("it is not installed; run `make bench` where npm is, or with SKIP=companion")
    address = f"{LOOPBACK}:{free_port()}"
    variables = {
        "NODE_ENV": "production",
        "COMPANION_HOST": address,
        "COMPANION_BUCKET": BUCKET,
        "COMPANION_PROCESSES": str(processes),
    }
    command = [node, f"--max-http-header-size={COMPANION_HEADER_BYTES}", str(COMPANION / "server.js")]
    environment = {**environment, **variables}
    with _listening(command, environment, Server(address, ()), folder=folder, processes=processes) as server:
        yield server


@contextmanager
def tus_served(environment: Mapping[str, str], *, folder: Path) -> Iterator[Server]:
    """Serve @tus/server before the store until the block ends. It is one process, since its locks are in its memory.

    Raises:
        ContenderFailed: it does not start.
    """
    address = f"{LOOPBACK}:{free_port()}"
    environment = {**environment, "NODE_ENV": "production", "TUS_HOST": address, "TUS_BUCKET": BUCKET}
    command = [node().path, str(CLIENTS / "tus-server.js")]
    with _listening(command, environment, Server(address, ()), folder=folder, processes=0) as server:
        yield server


def companion_version() -> str | None:
    """Return the installed version of Companion, if any."""
    return npm_version(COMPANION, "@uppy/companion")


def npm_version(folder: Path, package: str) -> str | None:
    """Return the version of a package that npm installed in a folder, if any."""
    description = folder / "node_modules" / package / "package.json"
    try:
        described: dict[str, Any] = json.loads(description.read_text())
    except FileNotFoundError:
        return None
    return str(described["version"])


def warmed(server: Server, small: Iterable[Command], large: Iterable[Command]) -> Server:
    """Send the warm-up requests, and let the disk come to rest. Return the server with `idle_mib`.

    Large transfers leave memory that is used again, so idle memory is measured before them.
    """
    curl(*small)
    idle_mib = sum_mib(server.workers)
    curl(*large)
    rest()
    return replace(server, idle_mib=idle_mib)


@contextmanager
def _listening(
    command: Sequence[str], environment: Mapping[str, str], server: Server, *, folder: Path, processes: int
) -> Iterator[Server]:
    """Run a program that starts the given number of workers. Yield the server once all of them run and it responds."""
    log = folder / "server.log"
    with (
        log.open("wb") as output,
        running(command, cwd=ROOT, env=environment, stdout=output, stderr=STDOUT) as program,
    ):
        yield _ready(server, program, processes, log)


def _ready(server: Server, program: "Popen[str]", processes: int, log: Path) -> Server:
    end = time.monotonic() + READY_WITHIN_SECONDS
    while len(workers := _children(program.pid)) < processes or not _answers(server.url):
        if program.poll() is not None or time.monotonic() > end:
            raise ContenderFailed(f"its server does not start: {log.read_text()[-LOG_SHOWN_CHARACTERS:]}")
        time.sleep(LOOK_AGAIN_SECONDS)
    return Server(server.address, workers or (program.pid,))


def _children(pid: int) -> tuple[int, ...]:
    try:
        return tuple(int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    except FileNotFoundError:
        return ()


def _answers(url: str) -> bool:
    try:
        httpx.get(url + ASKED_FIRST, timeout=READY_WITHIN_SECONDS, trust_env=False)
    except httpx.TransportError:
        return False
    return True
