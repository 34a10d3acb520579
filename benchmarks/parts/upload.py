"""One file from a client to S3, as users of AWS have it (https, checksums), and over plain http, in three sizes."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx

from ..contenders import Contender, Figures, Runs
from ..curl import curl
from ..errors import ContenderFailed
from ..meters import MIB_PER_GIB, Meter
from ..options import Options
from ..plots import bars
from ..results import Result
from ..rounds import alternated
from ..sdk import warm_sdk
from ..stage import MIB, Stage, staged_like_aws
from ..tables import Table
from ..upload_ways import FLOOR, FORM, NAIVE, RAW, STORAGES, WHOLE, Way, warm
from .columns import OVER_HTTP, beside_http, of_large_files, of_small_files

WAYS: tuple[Way, ...] = (FLOOR, FORM, RAW, NAIVE, WHOLE, STORAGES)
SDK_NAME = "boto3 upload_file, from disk"
MIDDLING_MIB = 64
SMALL_MIB = 1
# A run moves enough bytes for meaningful figures.
LEAST_MOVED_MIB = 256
MS_PER_SECOND = 1000
TIMEOUT_SECONDS = 60
ABOUT = (
    "One file at a time, to SeaweedFS over https, as users of AWS have it: every ability on, and boto3 with its "
    "checksums. The columns `http` are of the same store over plain http, without abilities and checksums. Wall time "
    "is that of curl (the 1 MiB table: of httpx, over one kept connection), CPU and memory are those of the server's "
    "worker process, for boto3 of its own process. The ranges go over the rounds."
)


def measure(folder: Path, options: Options) -> Result:
    """Measure the three sizes in turn."""
    with staged_like_aws(folder) as stages:
        sizes = sorted({options.size_mib, min(options.size_mib, MIDDLING_MIB)}, reverse=True)
        tables = (*(_large(stages, size, options) for size in sizes), _small(stages, options))
    title = "Upload"
    return Result("upload", title, ABOUT, tables, partial(bars, title=title, tables=tables))


def _large(stages: tuple[Stage, Stage], size_mib: int, options: Options) -> Table:
    file = stages[0].file(size_mib)
    count = max(1, min(options.size_mib, LEAST_MOVED_MIB) // size_mib)
    runs = _runs(
        f"upload of {size_mib} MiB",
        stages,
        options,
        lambda way, stage: _by_curl(way, stage, file, size_mib, count),
        lambda stage: _by_sdk(stage, file, size_mib, count),
    )
    each = f"; each run is {count} of them, one after the other" if count > 1 else ""
    return Table(f"{size_mib} MiB{each}", beside_http(of_large_files(FLOOR.name), FLOOR.name), runs)


def _small(stages: tuple[Stage, Stage], options: Options) -> Table:
    file, count = stages[0].file(SMALL_MIB), options.requests
    runs = _runs(
        f"{count} uploads of {SMALL_MIB} MiB",
        stages,
        options,
        lambda way, stage: _by_httpx(way, stage, file, count),
        lambda stage: _by_sdk(stage, file, SMALL_MIB, count),
    )
    for figures in (figures for of_one in runs.values() for figures in of_one):
        figures["wall_ms"] = figures["wall_seconds"] * MS_PER_SECOND
        if "cpu_seconds_per_gib" in figures:
            figures["cpu_ms"] = figures["cpu_seconds_per_gib"] * MS_PER_SECOND * SMALL_MIB / MIB_PER_GIB
    title = f"{SMALL_MIB} MiB; each run is {count} of them over one kept connection"
    return Table(title, beside_http(of_small_files(FLOOR.name), FLOOR.name), runs)


def _runs(
    what: str,
    stages: tuple[Stage, Stage],
    options: Options,
    by_way: Callable[[Way, Stage], Figures],
    by_sdk: Callable[[Stage], Figures],
) -> Runs:
    contenders = [Contender(way.key, way.name, partial(_both, partial(by_way, way), stages)) for way in WAYS]
    contenders.append(Contender("boto3", SDK_NAME, partial(_both, by_sdk, stages)))
    return alternated(what, contenders, options)


def _both(run: Callable[[Stage], Figures], stages: tuple[Stage, Stage]) -> Figures:
    """Run over https, then over http, each in an empty bucket: SeaweedFS keeps the bytes of replaced objects."""
    over_https, over_http = (_in_empty_bucket(run, stage) for stage in stages)
    return {**over_https, **{f"{OVER_HTTP}{name}": value for name, value in over_http.items()}}


def _in_empty_bucket(run: Callable[[Stage], Figures], stage: Stage) -> Figures:
    with stage.bucket():
        return run(stage)


def _by_curl(way: Way, stage: Stage, file: Path, size_mib: int, count: int) -> Figures:
    with warm(way, stage) as server:
        command = way.command(stage, server, file, f"{way.key}-{size_mib}")
        meter = Meter(server.workers, idle_mib=server.idle_mib)
        for _ in range(count):
            curl(command)
        return meter.read().figures(moved_mib=size_mib * count, times=count)


def _by_httpx(way: Way, stage: Stage, file: Path, count: int) -> Figures:
    content = file.read_bytes()
    client_of = partial(httpx.Client, timeout=TIMEOUT_SECONDS, trust_env=False, verify=stage.trust)
    with warm(way, stage, for_large=False) as server, client_of() as client:
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
