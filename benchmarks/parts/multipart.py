"""One large file from a client to the store itself, in presigned parts. The service signs and verifies."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..contenders import Contender, Figures
from ..curl import Command, curl, headers
from ..direct_client import DirectClient
from ..meters import Meter, rest
from ..options import Options
from ..plots import bars
from ..postgresql import postgresql
from ..results import Result
from ..rounds import alternated
from ..servers import OURS, SERVICE, Server, served, warmed
from ..stage import Stage, staged
from ..store import BUCKET
from ..tables import Column, Table, figure, times
from ..upload_ways import FLOOR, WARM_UP_REQUESTS, warm

FLOOR_KEY = "floor"
COLUMNS = (
    Column("wall s", figure("wall_seconds"), decimals=2, plotted=True),
    Column("times the floor", times(FLOOR.name, "wall_seconds"), decimals=2, with_range=True, plotted=True),
    Column("CPU ms of the server", figure("cpu_ms"), plotted=True),
)
MS_PER_SECOND = 1000
ABOUT = (
    "One file at a time, sent by one curl. The floor is a presigned PUT of the whole. Ours begins with the request "
    "that starts the upload, and ends with the answer that it is stored; in between the client asks for all part URLs "
    "that the first answer does not have. Parts are as large as the service says, and lie in files of their own before "
    "the clock starts. CPU is that of the server's worker process, on PostgreSQL; no byte of the file comes to it."
)


@dataclass(frozen=True)
class Way:
    """One way to upload. `send` returns the id of the record."""

    key: str
    name: str
    send: Callable[[DirectClient, Path], str]


WAYS = (
    Way("put", "ours: one presigned PUT", DirectClient.put),
    Way("two", "ours: presigned parts, two at once", partial(DirectClient.in_parts, in_flight=2)),
    Way("four", "ours: presigned parts, four at once", partial(DirectClient.in_parts, in_flight=4)),
)


def measure(folder: Path, options: Options) -> Result:
    """Measure one file of the size. Every run creates an object and removes it."""
    with postgresql(folder) as url, staged(folder, database_url=url) as stage:
        file = stage.file(options.size_mib)
        contenders = [
            Contender(FLOOR.key, FLOOR.name, partial(_floor, stage, file)),
            *(Contender(way.key, way.name, partial(_run, way, stage, file)) for way in WAYS),
        ]
        runs = alternated(f"upload of {options.size_mib} MiB from the client", contenders, options)
    title = "Upload in presigned parts"
    tables = (Table(f"{options.size_mib} MiB", COLUMNS, runs),)
    return Result("multipart", title, ABOUT, tables, partial(bars, title=title, tables=tables))


def _floor(stage: Stage, file: Path) -> Figures:
    with warm(FLOOR, stage) as server:
        command = FLOOR.command(stage, server, file, FLOOR_KEY)
        meter = Meter(())
        curl(command)
        reading = meter.read()
    stage.store.delete_object(Bucket=BUCKET, Key=FLOOR_KEY)
    return {"wall_seconds": reading.wall_seconds}


def _run(way: Way, stage: Stage, file: Path) -> Figures:
    with _warm(way, stage, file) as (server, client):
        meter = Meter(server.workers)
        upload_id = way.send(client, file)
        reading = meter.read()
        client.remove(upload_id)
    return {"wall_seconds": reading.wall_seconds, "cpu_ms": (reading.cpu_seconds or 0) * MS_PER_SECOND}


@contextmanager
def _warm(way: Way, stage: Stage, file: Path) -> Iterator[tuple[Server, DirectClient]]:
    """Serve after a warm-up.

    Each thread is connected to the database, and the store has received a file in the same way.
    """
    with served(OURS, stage.environment, folder=stage.folder) as server:
        list_uploads = Command(
            (*headers(stage.authorization), "--output", os.devnull, f"{server.url}{SERVICE}uploads/")
        )
        warmed(server, [list_uploads] * WARM_UP_REQUESTS, [])
        client = DirectClient(stage, server.address)
        for warm_up in (stage.small_warm_up_file(), stage.large_warm_up_file()):
            client.remove(way.send(client, warm_up))
        rest()
        yield server, client
