"""The TypeScript client beside others of npm, in Node.js and in Chromium."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.support.programs import node

from ..chromium import find_chromium
from ..client_programs import Program, Start, in_chromium, in_node
from ..contenders import Contender, Figures
from ..errors import ContenderFailed
from ..meters import Meter, rest, sum_mib
from ..options import Options
from ..plots import bars
from ..postgresql import postgresql
from ..results import Result
from ..rounds import alternated
from ..stage import Stage, staged
from ..store import BUCKET
from ..tables import Column, Table, figure, times_best_rival
from ..upload_clients import DEFAULT, PUT, RIVALS, UploadClient, bundled

SMALL_BYTES = 10_000
WARM_UP_FILES = 8
INFORMATION_OF_TUS = ".info"
ABOUT = (
    "Each client sends files from the disk of the same machine to the same store. Ours and Uppy have the service "
    "(gunicorn with 2 processes of 4 threads, PostgreSQL), tus-js-client has @tus/server with @tus/s3-store, and lib- "
    "storage holds the keys of the store and has no server. The clock runs until the client says that all files are "
    "stored: ours and Uppy then have verified records, the others have none. In Chromium, the page is of the origin "
    "of its server, and the store is another origin. CPU and memory are those of the process of Node.js, or of all "
    "processes of Chromium together. Memory is the sum of their peaks; a page is the process that runs its "
    "JavaScript. The CPU of server and store is without that of PostgreSQL. "
    "Ratios are to the best rival of the round. Bundles are minified by esbuild."
)
TIMES = "times the best rival"
COLUMNS = (
    Column("wall s", figure("wall_seconds"), decimals=2, plotted=True),
    Column(TIMES, times_best_rival("wall_seconds"), decimals=2, with_range=True),
    Column("CPU s", figure("cpu_seconds"), decimals=2, plotted=True),
    Column(TIMES, times_best_rival("cpu_seconds"), decimals=2),
    Column("CPU s of server and store", figure("other_cpu_seconds"), decimals=2),
    Column("memory over idle, MiB", figure("memory_mib"), decimals=0, plotted=True),
    Column("peak memory, MiB", figure("peak_mib"), decimals=0, plotted=True),
    Column(TIMES, times_best_rival("peak_mib"), decimals=2),
)
OF_PAGE = (
    Column("CPU s of the page", figure("page_cpu_seconds"), decimals=2),
    Column("peak memory of the page, MiB", figure("page_peak_mib"), decimals=0),
    Column(TIMES, times_best_rival("page_peak_mib"), decimals=2),
)
BUNDLE = (
    Column("minified, kB", figure("minified_kb")),
    Column("gzip, kB", figure("gzip_kb"), plotted=True),
    Column("brotli, kB", figure("brotli_kb"), plotted=True),
)


@dataclass(frozen=True)
class Platform:
    """A platform, how it starts a client, and the rivals that run there."""

    name: str
    start: Start
    rivals: tuple[UploadClient, ...]
    columns: tuple[Column, ...]


def measure(folder: Path, options: Options) -> Result:
    """Measure one file of the size, and many small ones, on each platform."""
    pages = folder / "pages"
    bundles = Table("Bundles", BUNDLE, bundled(pages))
    with postgresql(folder) as url, staged(folder, database_url=url) as stage:
        sent = [table for platform in _platforms(pages) for table in _measured(platform, stage, options)]
    title = "Upload clients"
    tables = (*sent, bundles)
    return Result("client", title, ABOUT, tables, partial(bars, title=title, tables=tables))


def _platforms(pages: Path) -> Iterator[Platform]:
    in_both = tuple(client for client in RIVALS if client.is_in_node)
    yield Platform(f"Node.js {node().version}", in_node, in_both, COLUMNS)
    yield Platform(find_chromium().version, in_chromium(pages), RIVALS, (*COLUMNS, *OF_PAGE))


def _measured(platform: Platform, stage: Stage, options: Options) -> Iterator[Table]:
    large, small = [stage.file(options.size_mib)], stage.small_files(options.files, SMALL_BYTES)
    uploads = (
        (f"one file of {options.size_mib} MiB", (DEFAULT, *platform.rivals), large),
        (f"{len(small):,} files of {SMALL_BYTES // 1000} kB", (DEFAULT, PUT, *platform.rivals), small),
    )
    for what, clients, files in uploads:
        title = f"{platform.name}, {what}"
        contenders = [
            Contender(client.key, client.name, partial(_run, client, platform.start, stage, files))
            for client in clients
        ]
        yield Table(title, platform.columns, alternated(title, contenders, options))


def _run(client: UploadClient, start: Start, stage: Stage, files: Sequence[Path]) -> Figures:
    with client.serve(stage) as server, start(client, stage, server) as program:
        idle_mib = _warm(program, stage, is_large=len(files) == 1)
        _empty(stage)
        program.choose(files)
        rest()
        all_processes = Meter(program.processes, idle_mib=idle_mib)
        page = Meter((program.page,), idle_mib=0)
        others = Meter((*server.workers, stage.store_pid))
        program.send()
        total, of_page, of_others = all_processes.read(), page.read(), others.read()
    _validate(stage, files)
    _empty(stage)
    return {
        "wall_seconds": total.wall_seconds,
        "cpu_seconds": total.cpu_seconds or 0,
        "other_cpu_seconds": of_others.cpu_seconds or 0,
        "memory_mib": total.memory_mib or 0,
        "peak_mib": (total.memory_mib or 0) + idle_mib,
        "page_cpu_seconds": of_page.cpu_seconds or 0,
        "page_peak_mib": of_page.memory_mib or 0,
    }


def _warm(program: Program, stage: Stage, *, is_large: bool) -> float:
    """Send a few small files, then a larger one if such are measured. Return the idle memory in between."""
    program.choose(stage.small_files(WARM_UP_FILES, SMALL_BYTES))
    program.send()
    idle_mib = sum_mib(program.processes)
    if is_large:
        program.choose([stage.large_warm_up_file()])
        program.send()
    return idle_mib


def _validate(stage: Stage, files: Sequence[Path]) -> None:
    """Pass if the store holds an object of the size of each file, and no other."""
    arrived = Counter(size for key, size in _objects(stage) if not key.endswith(INFORMATION_OF_TUS))
    if arrived != Counter(file.stat().st_size for file in files):
        raise ContenderFailed(f"of {len(files)} files, {arrived.total()} objects are in the store, or of other sizes")


def _empty(stage: Stage) -> None:
    for key, _ in list(_objects(stage)):
        stage.store.delete_object(Bucket=BUCKET, Key=key)


def _objects(stage: Stage) -> Iterator[tuple[str, int]]:
    for page in stage.store.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        yield from ((listed["Key"], listed["Size"]) for listed in page.get("Contents", ()))
