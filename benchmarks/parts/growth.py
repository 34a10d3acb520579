"""Thousands of small uploads through one worker, whose memory must not grow with their number."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from http.client import HTTPConnection
from itertools import cycle, islice
from pathlib import Path

from ..contenders import Figures
from ..load import Job, connected, perform
from ..meters import memory_mib
from ..options import Options
from ..plots import Lines, lines
from ..results import Result
from ..servers import OURS, Server, served
from ..small_uploads import form_job, raw_job
from ..stage import Stage, staged
from ..tables import Column, Table, figure

THREADS = 4
SAMPLES = 20
WARM_UP_SAMPLES = 2
FIRST, LAST, DIFFERENCE, HIGHEST = "first_mib", "last_mib", "difference_mib", "highest_mib"
COLUMNS = (
    Column("MiB after the warm-up", figure(FIRST), decimals=2),
    Column("MiB at the end", figure(LAST), decimals=2),
    Column("highest, MiB", figure(HIGHEST), decimals=2),
    Column("difference, MiB", figure(DIFFERENCE), decimals=2),
)


def measure(folder: Path, options: Options) -> Result:
    """Upload, and measure the worker's memory at intervals."""
    with staged(folder) as stage, served(OURS, stage.environment, folder=folder, threads=THREADS) as server:
        jobs = {key: job for key, job in _jobs(stage).items() if key not in options.skip}
        samples = dict(_sampled(server, list(jobs.values()), options.uploads))
    name = f"ours: 1 KiB, {' and '.join(jobs)} in turn"
    title = "Memory over many uploads"
    about = (
        f"One worker with {THREADS} threads and as many kept connections. VmRSS is read {SAMPLES} times; the first "
        f"{WARM_UP_SAMPLES / SAMPLES:.0%} of the uploads are the warm-up."
    )
    tables = (Table(f"{options.uploads:,} uploads", COLUMNS, {name: [_figures(samples)]}),)
    panel = Lines("VmRSS of the worker", "uploads", "MiB", {name: (list(samples), list(samples.values()))})
    draw = partial(lines, title=title, panels=(panel,))
    return Result("growth", title, about, tables, draw, repeated=False)


def _jobs(stage: Stage) -> dict[str, Job]:
    return {"form": form_job(stage), "raw": raw_job(stage)}


def _sampled(server: Server, jobs: Sequence[Job], uploads: int) -> Iterator[tuple[int, float]]:
    """Yield the number of uploads, and the MiB of the worker."""
    at_a_time = max(THREADS, uploads // SAMPLES)
    (worker,) = server.workers
    with ExitStack() as stack, ThreadPoolExecutor(THREADS) as threads:
        connections = [stack.enter_context(connected(server.address)) for _ in range(THREADS)]
        for done in range(at_a_time, uploads + 1, at_a_time):
            share = partial(_perform, jobs=jobs, count=at_a_time // THREADS)
            for _ in threads.map(share, connections):
                pass
            yield done, memory_mib(worker)


def _perform(connection: HTTPConnection, *, jobs: Sequence[Job], count: int) -> None:
    for job in islice(cycle(jobs), count):
        perform(connection, job)


def _figures(samples: dict[int, float]) -> Figures:
    first, *_, last = list(samples.values())[WARM_UP_SAMPLES - 1 :]
    highest = max(list(samples.values())[WARM_UP_SAMPLES - 1 :])
    return {FIRST: first, LAST: last, HIGHEST: highest, DIFFERENCE: last - first}
