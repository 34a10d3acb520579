"""Eight clients on slow lines at once: the cost of a thread that waits."""

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
from ..tables import Column, Table, figure
from ..upload_ways import FORM, NAIVE, RAW, Way, warm

WAYS: tuple[Way, ...] = (FORM, RAW, NAIVE)
CLIENTS = 8
RATE = "1M"
COLUMNS = (
    Column("memory over idle, MiB", figure("memory_mib"), decimals=0, with_range=True, plotted=True),
    Column("CPU s/GiB", figure("cpu_seconds_per_gib"), decimals=2, plotted=True),
    Column("wall s", figure("wall_seconds"), plotted=True),
)
ABOUT = "Each client is a curl that sends 1 MiB a second; all start together."


def measure(folder: Path, options: Options) -> Result:
    """Measure files that take one second for each MiB."""
    size_mib = options.slow_seconds
    with staged(folder) as stage:
        contenders = [Contender(way.key, way.name, partial(_run, way, stage, size_mib)) for way in WAYS]
        runs = alternated(f"{CLIENTS} slow uploads of {size_mib} MiB", contenders, options)
    title = "Slow clients"
    tables = (Table(f"{CLIENTS} clients, {size_mib} MiB each at 1 MiB/s", COLUMNS, runs),)
    return Result("slow", title, ABOUT, tables, partial(bars, title=title, tables=tables))


def _run(way: Way, stage: Stage, size_mib: int) -> Figures:
    file = stage.file(size_mib)
    with warm(way, stage) as server:
        commands = [way.command(stage, server, file, f"{way.key}-{number}").limited(RATE) for number in range(CLIENTS)]
        meter = Meter(server.workers, idle_mib=server.idle_mib)
        curl(*commands)
        return meter.read().figures(moved_mib=size_mib * CLIENTS)
