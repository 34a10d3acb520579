"""One file from a client to S3: large, medium and small."""

from functools import partial
from pathlib import Path

import httpx

from ..contenders import Contender, Figures
from ..curl import curl
from ..errors import ContenderFailed
from ..meters import MIB_PER_GIB, Meter
from ..options import Options
from ..plots import bars
from ..results import Result
from ..rounds import alternated
from ..sdk import warm_sdk
from ..stage import MIB, Stage, staged
from ..tables import Table
from ..upload_ways import FLOOR, FORM, NAIVE, RAW, STORAGES, Way, warm
from .columns import of_large_files, of_small_files

WAYS: tuple[Way, ...] = (FLOOR, FORM, RAW, NAIVE, STORAGES)
SDK_NAME = "boto3 upload_file, from disk"
MIDDLING_MIB = 64
SMALL_MIB = 1
# A run moves enough bytes for meaningful figures.
LEAST_MOVED_MIB = 256
MS_PER_SECOND = 1000
TIMEOUT_SECONDS = 60
ABOUT = (
    "One file at a time. Wall time is that of curl (the 1 MiB table: of httpx, over one kept connection), CPU and "
    "memory are those of the server's worker process, for boto3 of its own process. The ranges go over the rounds."
)


def measure(folder: Path, options: Options) -> Result:
    """Measure the three sizes in turn."""
    with staged(folder) as stage:
        sizes = sorted({options.size_mib, min(options.size_mib, MIDDLING_MIB)}, reverse=True)
        tables = (*(_large(stage, size, options) for size in sizes), _small(stage, options))
    title = "Upload"
    return Result("upload", title, ABOUT, tables, partial(bars, title=title, tables=tables))


def _large(stage: Stage, size_mib: int, options: Options) -> Table:
    file = stage.file(size_mib)
    count = max(1, min(options.size_mib, LEAST_MOVED_MIB) // size_mib)
    contenders = [Contender(way.key, way.name, partial(_by_curl, way, stage, file, size_mib, count)) for way in WAYS]
    contenders.append(Contender("boto3", SDK_NAME, partial(_by_sdk, stage, file, size_mib, count)))
    runs = alternated(f"upload of {size_mib} MiB", contenders, options)
    each = f"; each run is {count} of them, one after the other" if count > 1 else ""
    return Table(f"{size_mib} MiB{each}", of_large_files(FLOOR.name), runs)


def _small(stage: Stage, options: Options) -> Table:
    file, count = stage.file(SMALL_MIB), options.requests
    contenders = [Contender(way.key, way.name, partial(_by_httpx, way, stage, file, count)) for way in WAYS]
    contenders.append(Contender("boto3", SDK_NAME, partial(_by_sdk, stage, file, SMALL_MIB, count)))
    runs = alternated(f"{count} uploads of {SMALL_MIB} MiB", contenders, options)
    for figures in (figures for of_one in runs.values() for figures in of_one):
        figures["wall_ms"] = figures["wall_seconds"] * MS_PER_SECOND
        if "cpu_seconds_per_gib" in figures:
            figures["cpu_ms"] = figures["cpu_seconds_per_gib"] * MS_PER_SECOND * SMALL_MIB / MIB_PER_GIB
    return Table(
        f"{SMALL_MIB} MiB; each run is {count} of them over one kept connection", of_small_files(FLOOR.name), runs
    )


def _by_curl(way: Way, stage: Stage, file: Path, size_mib: int, count: int) -> Figures:
    with warm(way, stage) as server:
        command = way.command(stage, server, file, f"{way.key}-{size_mib}")
        meter = Meter(server.workers, idle_mib=server.idle_mib)
        for _ in range(count):
            curl(command)
        return meter.read().figures(moved_mib=size_mib * count, times=count)


def _by_httpx(way: Way, stage: Stage, file: Path, count: int) -> Figures:
    content = file.read_bytes()
    with warm(way, stage, for_large=False) as server, httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
        request = partial(way.request, stage, server, content, f"{way.key}-small")
        _sent(client, request())
        meter = Meter(server.workers, idle_mib=server.idle_mib)
        for _ in range(count):
            _sent(client, request())
        return meter.read().figures(moved_mib=len(content) / MIB * count, times=count)


def _sent(client: httpx.Client, request: httpx.Request) -> None:
    answer = client.send(request)
    if not answer.is_success:
        raise ContenderFailed(f"HTTP {answer.status_code} {answer.text}")


def _by_sdk(stage: Stage, file: Path, size_mib: int, count: int) -> Figures:
    warm_up = [("warm-up-boto3-small", stage.small_warm_up_file()), ("warm-up-boto3-large", stage.large_warm_up_file())]
    with warm_sdk("upload", stage.environment, files=warm_up[: 1 if size_mib == SMALL_MIB else 2]) as (boto3, meter):
        for _ in range(count):
            boto3.do("upload", f"boto3-{size_mib}", file)
        return meter.read().figures(moved_mib=size_mib * count, times=count)
