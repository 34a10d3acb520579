"""The service and its rivals under gunicorn, each in processes of its own."""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import STDOUT, Popen

import httpx

from s3_file_uploader.embedded import LOOPBACK, free_port

from .curl import Command, curl
from .errors import ContenderFailed
from .meters import sum_mib
from .processes import ROOT, running

SERVICE = "/modules/s3-file-uploader/service/"
OURS = "modules.wsgi"
RIVALS = "benchmarks.rivals.wsgi"
# Not healthy yet is an answer too; the warm-up comes later.
ASKED_FIRST = "/no-such-address/"
READY_WITHIN_SECONDS = 60
LOOK_AGAIN_SECONDS = 0.05
LOG_SHOWN_CHARACTERS = 2000


@dataclass(frozen=True)
class Server:
    """Where it listens, the ids of its worker processes, and their memory before anything large came, if warmed up."""

    address: str
    workers: tuple[int, ...]
    idle_mib: float = 0.0

    @property
    def url(self) -> str:
        """The address, as a URL without a slash at the end."""
        return f"http://{self.address}"


NO_SERVER = Server("", ())


@contextmanager
def served(
    wsgi: str | None, environment: Mapping[str, str], *, folder: Path, processes: int = 1, threads: int = 8
) -> Iterator[Server]:
    """Serve, until the block ends.

    Args:
        wsgi: the module with the application; None for a contender that goes straight to the store.
        environment: of a stage.
        folder: where its log goes.
        processes: how many workers.
        threads: how many in each.
    """
    if wsgi is None:
        yield NO_SERVER
        return
    address = f"{LOOPBACK}:{free_port()}"
    workers = [f"--workers={processes}", "--worker-class=gthread", f"--threads={threads}"]
    options = [f"--bind={address}", *workers, "--timeout=600", "--log-level=warning", "--no-control-socket"]
    command = [sys.executable, "-m", "gunicorn", f"{wsgi}:application", *options]
    log = folder / "gunicorn.log"
    with (
        log.open("wb") as output,
        running(command, cwd=ROOT, env=environment, stdout=output, stderr=STDOUT) as gunicorn,
    ):
        yield _ready(Server(address, ()), gunicorn, processes, log)


def warmed(server: Server, small: Iterable[Command], large: Iterable[Command]) -> Server:
    """Let requests through that no figure counts, and the disk come to rest; return the server with `idle_mib`.

    What is large leaves memory behind that is used again, and would be missed if it counted as idle.
    """
    curl(*small)
    idle_mib = sum_mib(server.workers)
    curl(*large)
    os.sync()
    return replace(server, idle_mib=idle_mib)


def _ready(server: Server, gunicorn: "Popen[str]", processes: int, log: Path) -> Server:
    end = time.monotonic() + READY_WITHIN_SECONDS
    while len(workers := _children(gunicorn.pid)) < processes or not _answers(server.url):
        if gunicorn.poll() is not None or time.monotonic() > end:
            raise ContenderFailed(f"gunicorn does not start: {log.read_text()[-LOG_SHOWN_CHARACTERS:]}")
        time.sleep(LOOK_AGAIN_SECONDS)
    return Server(server.address, workers)


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
