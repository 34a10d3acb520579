"""Small requests a second on PostgreSQL: the cost of a request besides its bytes."""

from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from ..curl import curl
from ..load import Job
from ..options import Options
from ..plots import bars
from ..postgresql import postgresql
from ..results import Result
from ..servers import OURS, SERVICE, served
from ..small_requests import CPU, MEDIAN, P95_MS, RATE, SHAPE, Kind, by_rivals, by_us, measured
from ..small_uploads import form_job, raw_job, start_job
from ..stage import Stage, staged
from ..store import BUCKET
from ..tables import Column, Table, times
from ..upload_ways import FORM

KNOWN_KEY = "known.bin"
INSERT_NAME = "floor: DRF view, token, one insert"
TIMES_THE_INSERT = Column("times the insert", times(INSERT_NAME, "rate_per_second"), decimals=2, plotted=True)
COLUMNS = (RATE, TIMES_THE_INSERT, CPU, MEDIAN, P95_MS)
ABOUT = f"{SHAPE} Each upload makes a new object, and waits for the store."


def measure(folder: Path, options: Options) -> Result:
    """Measure each kind for some seconds a round."""
    with postgresql(folder) as url, staged(folder, database_url=url) as stage:
        with served(OURS, stage.environment, folder=folder) as server:
            curl(FORM.command(stage, server, stage.small_warm_up_file(), KNOWN_KEY))
        runs = measured("small requests", _kinds(stage), stage, options)
    title = "Small requests"
    tables = (Table(f"{options.seconds:g} s each", COLUMNS, runs),)
    return Result("small", title, ABOUT, tables, partial(bars, title=title, tables=tables))


def _kinds(stage: Stage) -> tuple[Kind, ...]:
    token = stage.authorization
    query = urlencode({"bucket": BUCKET, "file_name": KNOWN_KEY})
    return (
        Kind("empty", "floor: DRF view, token, nothing", by_rivals, Job("GET", "/empty/", token)),
        Kind("insert", INSERT_NAME, by_rivals, Job("POST", "/insert/", token)),
        Kind("presigned", "ours: presigned URL", by_us, Job("GET", f"{SERVICE}file/presigned/url/?{query}", token)),
        Kind("start", "ours: POST uploads/, put", by_us, start_job(stage)),
        Kind("raw", "ours: raw PUT of 1 KiB", by_us, raw_job(stage)),
        Kind("form", "ours: form-data of 1 KiB", by_us, form_job(stage)),
    )
