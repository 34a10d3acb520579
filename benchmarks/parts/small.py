"""Small requests a second, on PostgreSQL: what a request costs besides its bytes."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from ..contenders import Contender, Figures
from ..curl import curl
from ..load import Job, hammered
from ..meters import Meter
from ..options import Options
from ..plots import bars
from ..postgresql import postgresql
from ..results import Result
from ..rounds import alternated
from ..servers import OURS, RIVALS, SERVICE, served
from ..small_uploads import form_job, raw_job
from ..stage import Stage, staged
from ..store import BUCKET
from ..tables import Column, Table, figure, times
from ..upload_ways import FORM

SERVER_PROCESSES, SERVER_THREADS = 2, 4
LOAD_PROCESSES, CONNECTIONS = 2, 8
WARM_UP_SECONDS = 1.5
KNOWN_KEY = "known.bin"
P95 = 0.95
INSERT_NAME = "floor: DRF view, token, one insert"
COLUMNS = (
    Column("requests/s", figure("rate_per_second"), decimals=0, with_range=True, plotted=True),
    Column("times the insert", times(INSERT_NAME, "rate_per_second"), decimals=2, plotted=True),
    Column("CPU ms a request", figure("cpu_ms"), decimals=2, plotted=True),
    Column("median ms", figure("median_ms")),
    Column("p95 ms", figure("p95_ms")),
)
MS_PER_SECOND = 1000
ABOUT = (
    f"gunicorn with {SERVER_PROCESSES} processes of {SERVER_THREADS} threads, PostgreSQL with its defaults, "
    f"{CONNECTIONS} kept connections from {LOAD_PROCESSES} processes on the same machine. CPU is that of the server's "
    "workers, without the database and the store. Each upload makes a new object, and waits for the store."
)


@dataclass(frozen=True)
class Kind:
    """One kind of request, and whose server answers it."""

    key: str
    name: str
    wsgi: str
    job: Job


def measure(folder: Path, options: Options) -> Result:
    """Measure each kind for a few seconds a round."""
    with postgresql(folder) as url, staged(folder, database_url=url) as stage:
        with served(OURS, stage.environment, folder=folder) as server:
            curl(FORM.command(stage, server, stage.small_warm_up_file(), KNOWN_KEY))
        contenders = [
            Contender(kind.key, kind.name, partial(_run, kind, stage, options.seconds)) for kind in _kinds(stage)
        ]
        runs = alternated("small requests", contenders, options)
    title = "Small requests"
    tables = (Table(f"{options.seconds:g} s each", COLUMNS, runs),)
    return Result("small", title, ABOUT, tables, partial(bars, title=title, tables=tables))


def _kinds(stage: Stage) -> tuple[Kind, ...]:
    token = stage.authorization
    query = urlencode({"bucket": BUCKET, "file_name": KNOWN_KEY})
    return (
        Kind("empty", "floor: DRF view, token, nothing", RIVALS, Job("GET", "/empty/", token)),
        Kind("insert", INSERT_NAME, RIVALS, Job("POST", "/insert/", token)),
        Kind("presigned", "ours: presigned URL", OURS, Job("GET", f"{SERVICE}file/presigned/url/?{query}", token)),
        Kind("raw", "ours: raw PUT of 1 KiB", OURS, raw_job(stage)),
        Kind("form", "ours: form-data of 1 KiB", OURS, form_job(stage)),
    )


def _run(kind: Kind, stage: Stage, seconds: float) -> Figures:
    shape = {"processes": SERVER_PROCESSES, "threads": SERVER_THREADS}
    with served(kind.wsgi, stage.environment, folder=stage.folder, **shape) as server:
        load = partial(hammered, server.address, kind.job, connections=CONNECTIONS, processes=LOAD_PROCESSES)
        load(seconds=WARM_UP_SECONDS)
        meter = Meter(server.workers)
        done = load(seconds=seconds)
        reading = meter.read()
    count = len(done.latencies_ms)
    return {
        "rate_per_second": done.rate_per_second,
        "cpu_ms": (reading.cpu_seconds or 0) * MS_PER_SECOND / count,
        "median_ms": done.latencies_ms[count // 2],
        "p95_ms": done.latencies_ms[int(count * P95)],
    }
