"""Kinds of small requests: their server, the number of parallel requests, and their cost."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from .contenders import Contender, Figures, Runs
from .load import Job, Load, hammered
from .meters import Meter
from .options import Options
from .rounds import alternated
from .servers import OURS, RIVALS, Server, companion_served, served
from .stage import Stage
from .tables import Column, figure

SERVER_PROCESSES, SERVER_THREADS = 2, 4
LOAD_PROCESSES, CONNECTIONS = 2, 8
WARM_UP_SECONDS = 1.5
P95 = 0.95
MS_PER_SECOND = 1000
SHAPE = (
    f"gunicorn with {SERVER_PROCESSES} processes of {SERVER_THREADS} threads, PostgreSQL with its defaults, "
    f"{CONNECTIONS} kept connections from {LOAD_PROCESSES} processes on the same machine. CPU is that of the server's "
    "workers, without the database and the store."
)

RATE = Column("requests/s", figure("rate_per_second"), decimals=0, with_range=True, plotted=True)
CPU = Column("CPU ms a request", figure("cpu_ms"), decimals=2, plotted=True)
MEDIAN = Column("median ms", figure("median_ms"))
P95_MS = Column("p95 ms", figure("p95_ms"))


# Serve in a stage until the block ends.
Serve = Callable[[Stage], AbstractContextManager[Server]]


@dataclass(frozen=True)
class Kind:
    """A kind of request, and its server."""

    key: str
    name: str
    serve: Serve
    job: Job


def measured(
    what: str, kinds: tuple[Kind, ...], stage: Stage, options: Options, *, one_at_a_time: bool = False
) -> Runs:
    """Send each kind for some seconds a round, over eight connections or over one.

    Args:
        what: the name in the progress.
        kinds: the kinds that take turns.
        stage: the stage.
        options: rounds, seconds, and kinds to skip.
        one_at_a_time: for requests that clients do not send in parallel.
    """
    connections, processes = (1, 1) if one_at_a_time else (CONNECTIONS, LOAD_PROCESSES)
    send = partial(hammered, connections=connections, processes=processes)
    contenders = [Contender(kind.key, kind.name, partial(_run, kind, stage, send, options.seconds)) for kind in kinds]
    return alternated(what, contenders, options)


def _run(kind: Kind, stage: Stage, send: Callable[..., Load], seconds: float) -> Figures:
    with kind.serve(stage) as server:
        send(server.address, kind.job, seconds=WARM_UP_SECONDS)
        meter = Meter(server.workers)
        done = send(server.address, kind.job, seconds=seconds)
        reading = meter.read()
    count = len(done.latencies_ms)
    return {
        "rate_per_second": done.rate_per_second,
        "cpu_ms": (reading.cpu_seconds or 0) * MS_PER_SECOND / count,
        "median_ms": done.latencies_ms[count // 2],
        "p95_ms": done.latencies_ms[int(count * P95)],
    }


def _gunicorn(wsgi: str) -> Serve:
    shape = {"processes": SERVER_PROCESSES, "threads": SERVER_THREADS}
    return lambda stage: served(wsgi, stage.environment, folder=stage.folder, **shape)


by_us = _gunicorn(OURS)
by_rivals = _gunicorn(RIVALS)


def by_companion(stage: Stage) -> AbstractContextManager[Server]:
    """Serve Companion in the same number of processes."""
    return companion_served(stage.environment, folder=stage.folder, processes=SERVER_PROCESSES)
