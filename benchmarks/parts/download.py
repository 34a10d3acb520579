"""One large file from S3 to a client, or to the server's disk."""

import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..contenders import Contender, Figures
from ..curl import Command, curl, headers
from ..meters import Meter, Reading, rest
from ..options import Options
from ..plots import bars
from ..results import Result
from ..rounds import alternated
from ..sdk import warm_sdk
from ..servers import OURS, RIVALS, SERVICE, Server, served, warmed
from ..stage import Stage, staged
from ..store import BUCKET
from ..tables import Table
from ..upload_ways import FORM, WARM_UP_REQUESTS
from .columns import of_large_files

SHELL_NAME = "curl to disk, then sha256sum"
SMALL, MIDDLING, LARGE = "small.bin", "middling.bin", "large.bin"
SDK_NAME = "boto3 download_file, to disk"
NOWHERE = ("--output", os.devnull)
ABOUT = (
    "The answer goes to /dev/null, but for the last two of these: `download/` saves the file under `PATH_TO_SAVE_FILE` "
    "on the server, compares its SHA-256 and waits for the disk; `download_file` writes it to the disk, and does "
    "neither. `curl --output` followed by `sha256sum` reads the file once more, and does not wait for the disk. "
    "The file lies in the page cache for all alike."
)


@dataclass(frozen=True)
class Way:
    """One way to download. `url` returns the URL of an object."""

    key: str
    name: str
    wsgi: str | None
    url: Callable[[Stage, Server, str], str]

    def command(self, stage: Stage, server: Server, key: str) -> Command:
        """Return the curl that downloads. It follows a redirect without sending the token."""
        token = headers(stage.authorization) if self.wsgi else ()
        return Command((*token, *NOWHERE, "--location", self.url(stage, server, key)))


def _object(stage: Stage, server: Server, key: str) -> str:
    return f"{server.url}{SERVICE}buckets/{BUCKET}/files/{key}/"


FLOOR = Way(
    "floor", "floor: presigned GET from the store", None, lambda stage, _, key: stage.presigned("get_object", key)
)
WAYS = (
    FLOOR,
    Way("redirect", "ours: redirect", OURS, _object),
    Way("proxied", "ours: proxied, ?proxy=true", OURS, lambda *where: f"{_object(*where)}?proxy=true"),
    Way("stream", "naive: streamed, chunks of 8 KiB", RIVALS, lambda _, server, key: f"{server.url}/stream/{key}"),
    Way("whole", "naive: read whole", RIVALS, lambda _, server, key: f"{server.url}/whole/{key}"),
    Way("saved", "ours: download/, to the server's disk", OURS, lambda *where: f"{_object(*where)}download/"),
)


def measure(folder: Path, options: Options) -> Result:
    """Measure one file of the size, which is uploaded through the service before."""
    with staged(folder) as stage:
        _upload(stage, SMALL, stage.small_warm_up_file())
        _upload(stage, MIDDLING, stage.large_warm_up_file())
        _upload(stage, LARGE, stage.file(options.size_mib))
        contenders = [Contender(way.key, way.name, partial(_by_curl, way, stage, options.size_mib)) for way in WAYS]
        contenders.append(Contender("boto3", SDK_NAME, partial(_by_sdk, stage, options.size_mib)))
        contenders.append(Contender("disk", SHELL_NAME, partial(_by_shell, stage, options.size_mib)))
        runs = alternated(f"download of {options.size_mib} MiB", contenders, options)
    title = "Download"
    tables = (Table(f"{options.size_mib} MiB", of_large_files(FLOOR.name), runs),)
    return Result("download", title, ABOUT, tables, partial(bars, title=title, tables=tables))


def _upload(stage: Stage, key: str, file: Path) -> None:
    with served(FORM.wsgi, stage.environment, folder=stage.folder) as server:
        curl(FORM.command(stage, server, file, key))


def _by_curl(way: Way, stage: Stage, size_mib: int) -> Figures:
    with _warm(way, stage) as server:
        meter = Meter(server.workers, idle_mib=server.idle_mib)
        curl(way.command(stage, server, LARGE))
        return meter.read().figures(moved_mib=size_mib)


@contextmanager
def _warm(way: Way, stage: Stage) -> Iterator[Server]:
    with served(way.wsgi, stage.environment, folder=stage.folder) as server:
        small = [way.command(stage, server, SMALL) for _ in range(WARM_UP_REQUESTS)]
        yield warmed(server, small, [way.command(stage, server, MIDDLING)])


def _by_shell(stage: Stage, size_mib: int) -> Figures:
    address, path = stage.presigned("get_object", LARGE), stage.folder / "shell.bin"
    line = f"curl --silent --fail --output {path} {shlex.quote(address)} && sha256sum {path}"
    rest()
    cpu_before, started = os.times(), time.perf_counter()
    subprocess.run(["/bin/sh", "-c", line], stdout=subprocess.DEVNULL, check=True)
    cpu, wall_seconds = os.times(), time.perf_counter() - started
    cpu_seconds = sum(cpu[2:4]) - sum(cpu_before[2:4])  # Of children that have ended.
    return Reading(wall_seconds, cpu_seconds, None).figures(moved_mib=size_mib)


def _by_sdk(stage: Stage, size_mib: int) -> Figures:
    path = stage.folder / "downloaded.bin"
    with warm_sdk("download", stage.environment, files=((SMALL, path), (MIDDLING, path))) as (boto3, meter):
        boto3.do("download", LARGE, path)
        return meter.read().figures(moved_mib=size_mib)
