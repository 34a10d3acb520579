"""Send many small requests over kept connections with `http.client`, which costs the least CPU.

As a program, this module is one of the processes that `hammered` starts. It reads a plan in JSON from standard input
and writes counts to standard output. It imports nothing heavy.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from http.client import HTTPConnection
from subprocess import PIPE
from typing import Any
from uuid import uuid4

from .errors import ContenderFailed
from .processes import ROOT, running

FRESH = "{fresh}"
TIMEOUT_SECONDS = 60
FIRST_ERROR_STATUS = 400
SHOWN_CHARACTERS = 500
# All connections of a process begin within a millisecond and may reach the same worker. Reconnecting now and then
# spreads them over the workers, and costs little compared with the requests.
REQUESTS_PER_CONNECTION = 25
# The processes start at the same moment, once all are loaded.
HEAD_START_SECONDS = 0.5


@dataclass(frozen=True)
class Job:
    """A request. Each `{fresh}` in path and body becomes a new name every time."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True)
class Load:
    """The result of hammering, with `latencies_ms` in ascending order."""

    rate_per_second: float
    latencies_ms: list[float]


def perform(connection: HTTPConnection, job: Job) -> bytes:
    """Send one request over a connection, and return the body of the response.

    Raises:
        ContenderFailed: the response is an error.
    """
    fresh = uuid4().hex
    body = job.body.replace(FRESH, fresh).encode() or None
    connection.request(job.method, job.path.replace(FRESH, fresh), body, job.headers)
    response = connection.getresponse()
    content = response.read()
    if response.status >= FIRST_ERROR_STATUS:
        said = content.decode(errors="replace")[:SHOWN_CHARACTERS]
        raise ContenderFailed(f"{job.method} {job.path}: HTTP {response.status} {said}")
    return content


@contextmanager
def connected(address: str) -> Iterator[HTTPConnection]:
    """Connect, and close the connection with the block."""
    connection = HTTPConnection(address, timeout=TIMEOUT_SECONDS)
    try:
        yield connection
    finally:
        connection.close()


def hammered(address: str, job: Job, *, seconds: float, connections: int, processes: int) -> Load:
    """Repeat a request over all connections for some seconds.

    Args:
        address: host and port.
        job: the request.
        seconds: the duration.
        connections: the number in all processes together.
        processes: the number of processes. A single one cannot load two workers.

    Raises:
        ContenderFailed: a response was an error.
    """
    start_at = time.time() + HEAD_START_SECONDS
    plan = {"address": address, "job": asdict(job), "seconds": seconds, "start_at": start_at}
    plan["connections"] = connections // processes
    with ExitStack() as stack:
        command = [sys.executable, "-m", "benchmarks.load"]
        pipes = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE}
        started = [stack.enter_context(running(command, cwd=ROOT, **pipes)) for _ in range(processes)]
        for process in started:
            process.stdin.write(json.dumps(plan))  # type: ignore[union-attr]  # a pipe, as asked
            process.stdin.close()  # type: ignore[union-attr]
            process.stdin = None
        loads = [_answer(process) for process in started]
    return Load(sum(load.rate_per_second for load in loads), sorted(ms for load in loads for ms in load.latencies_ms))


def _answer(process: Any) -> Load:
    said, complaint = process.communicate()
    if process.returncode:
        raise ContenderFailed(complaint.strip()[-SHOWN_CHARACTERS:])
    return Load(**json.loads(said))


def main() -> None:
    """Run the plan from standard input."""
    plan = json.load(sys.stdin)
    job = Job(**plan["job"])
    time.sleep(max(0.0, plan["start_at"] - time.time()))
    started = time.perf_counter()
    end = started + plan["seconds"]
    with ThreadPoolExecutor(plan["connections"]) as threads:
        runs = [threads.submit(_until, end, plan["address"], job) for _ in range(plan["connections"])]
        latencies = [ms for run in runs for ms in run.result()]
    rate = len(latencies) / (time.perf_counter() - started)
    json.dump(asdict(Load(rate, latencies)), sys.stdout)


def _until(end: float, address: str, job: Job) -> list[float]:
    latencies: list[float] = []
    while time.perf_counter() < end:
        with connected(address) as connection:
            for _ in range(REQUESTS_PER_CONNECTION):
                started = time.perf_counter()
                perform(connection, job)
                latencies.append((time.perf_counter() - started) * 1000)
                if time.perf_counter() > end:
                    break
    return latencies


if __name__ == "__main__":
    main()
