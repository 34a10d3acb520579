"""Uploads of one large file under WSGI and under ASGI."""

from functools import partial
from pathlib import Path

from ..contenders import Contender, Figures
from ..curl import curl
from ..meters import Meter
from ..options import Options
from ..plots import bars
from ..results import Result
from ..rounds import alternated
from ..servers import SERVICE
from ..stage import Stage, staged
from ..tables import Table
from ..upload_ways import FLOOR, FORM, RAW, FormWay, RawWay, Way, warm
from .columns import of_large_files

ASGI = "modules.asgi"
WAYS: tuple[Way, ...] = (
    FLOOR,
    RAW,
    RawWay("raw", "ours: raw PUT, ASGI", ASGI),
    FORM,
    FormWay("form", "ours: form-data, ASGI", ASGI, f"{SERVICE}file/upload/"),
)
ABOUT = (
    "gunicorn serves both: by its worker `gthread` and by its worker `asgi`, one process each. The application is that "
    "of `s3_file_uploader.asgi`. The floor is a presigned PUT, straight to the store."
)


def measure(folder: Path, options: Options) -> Result:
    """Measure one file of the size."""
    with staged(folder) as stage:
        contenders = [Contender(way.key, way.name, partial(_run, way, stage, options.size_mib)) for way in WAYS]
        runs = alternated(f"a file of {options.size_mib} MiB", contenders, options)
    title = "Uploads under ASGI"
    tables = (Table(f"A file of {options.size_mib} MiB", of_large_files(FLOOR.name), runs),)
    return Result("asgi", title, ABOUT, tables, partial(bars, title=title, tables=tables))


def _run(way: Way, stage: Stage, size_mib: int) -> Figures:
    with warm(way, stage) as server:
        meter = Meter(server.workers, idle_mib=server.idle_mib)
        curl(way.command(stage, server, stage.file(size_mib), way.key))
        return meter.read().figures(moved_mib=size_mib)
