"""Eight parallel uploads through one process with eight threads."""

from functools import partial
from pathlib import Path

from ..contenders import Contender, Figures
from ..curl import curl
from ..meters import Meter
from ..options import Options
from ..plots import bars
from ..results import Result
from ..rounds import alternated
from ..stage import Stage, staged
from ..tables import Table
from ..upload_ways import FLOOR, FORM, NAIVE, RAW, Way, warm
from .columns import of_large_files

WAYS: tuple[Way, ...] = (FLOOR, FORM, RAW, NAIVE)
AT_ONCE = 8
SHARE_OF_SIZE = 4
ABOUT = (
    "All start together, each with a key of its own; wall time goes from the first byte to the last answer. The floor "
    "is as many presigned PUTs at once, straight to the store."
)


def measure(folder: Path, options: Options) -> Result:
    """Measure files of a quarter of the size."""
    size_mib = max(1, options.size_mib // SHARE_OF_SIZE)
    with staged(folder) as stage:
        contenders = [Contender(way.key, way.name, partial(_run, way, stage, size_mib)) for way in WAYS]
        runs = alternated(f"{AT_ONCE} uploads of {size_mib} MiB at once", contenders, options)
    title = f"{AT_ONCE} uploads at once"
    tables = (Table(f"{AT_ONCE} files of {size_mib} MiB", of_large_files(FLOOR.name), runs),)
    return Result("concurrent", title, ABOUT, tables, partial(bars, title=title, tables=tables))


def _run(way: Way, stage: Stage, size_mib: int) -> Figures:
    file = stage.file(size_mib)
    with warm(way, stage) as server:
        commands = [way.command(stage, server, file, f"{way.key}-{number}") for number in range(AT_ONCE)]
        meter = Meter(server.workers, idle_mib=server.idle_mib)
        curl(*commands)
        return meter.read().figures(moved_mib=size_mib * AT_ONCE)
