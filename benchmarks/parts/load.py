"""Hundreds of slow clients through nginx and 2 x 4 threads, while lists and signatures go on: buffering on and off."""

import json
import sys
from functools import partial
from pathlib import Path
from subprocess import PIPE
from tempfile import mkdtemp

from tests.support.daemons import Nginx

from ..contenders import Contender, Figures
from ..errors import ContenderFailed
from ..meters import sum_mib
from ..options import Options
from ..plots import bars
from ..postgresql import postgresql
from ..processes import ROOT, running
from ..results import Result
from ..rounds import alternated
from ..servers import OURS, SERVICE, served
from ..stage import MIB, staged
from ..store import BUCKET
from ..tables import Column, Table, figure

BYTES_PER_SECOND = 200_000
START_WITHIN_SECONDS = 5
SMALL_CLIENTS = 4
PAUSE_SECONDS = 0.1
PROCESSES, THREADS = 2, 4
# Times the duration of one upload: so long the clients wait for their answers.
PATIENCE = 2.5
MEDIAN, LATE = 0.5, 0.99
COLUMNS = (
    Column("stored", figure("stored"), decimals=0),
    Column("failed", figure("failed"), decimals=0),
    Column("unanswered", figure("unanswered"), decimals=0),
    Column("small requests", figure("small"), decimals=0),
    Column("of these failed", figure("small_failed"), decimals=0),
    Column("p50, ms", figure("p50_ms"), decimals=0, plotted=True),
    Column("p99, ms", figure("p99_ms"), decimals=0, plotted=True),
    Column("workers over idle, MiB", figure("memory_mib"), decimals=0, plotted=True),
    Column("nginx, MiB", figure("nginx_mib"), decimals=0),
)


def measure(folder: Path, options: Options) -> Result:
    """Measure one round with each setting."""
    contenders = [
        Contender("buffered", "nginx buffers (deploy/nginx.conf)", partial(_run, folder, options, True)),
        Contender("unbuffered", "proxy_request_buffering off", partial(_run, folder, options, False)),
    ]
    runs = alternated("Slow clients through nginx", contenders, options)
    title = f"{options.load_clients} clients at {BYTES_PER_SECOND // 1000} kB/s"
    about = (
        f"Each client uploads {options.load_mib} MiB through nginx and {PROCESSES} x {THREADS} threads of gunicorn. "
        f"{SMALL_CLIENTS} others list uploads and sign URLs meanwhile. After {PATIENCE} times the duration of an "
        "upload all clients go."
    )
    tables = (Table(title, COLUMNS, runs),)
    return Result("load", title, about, tables, partial(bars, title=title, tables=tables), repeated=False)


def _run(folder: Path, options: Options, buffers: bool) -> Figures:
    own = Path(mkdtemp(dir=folder))
    with (
        postgresql(own) as database,
        staged(own, database_url=database) as stage,
        served(OURS, stage.environment, folder=own, processes=PROCESSES, threads=THREADS) as server,
        Nginx(own, int(server.address.rpartition(":")[2]), buffers=buffers) as nginx,
    ):
        idle = sum_mib(server.workers)
        size = options.load_mib * MIB
        plan = {
            "address": nginx.address,
            "token": stage.authorization["Authorization"],
            "path": f"{SERVICE}buckets/{BUCKET}/files/",
            "small": [f"{SERVICE}uploads/", f"{SERVICE}file/presigned/url/?bucket={BUCKET}&file_name=slow-0"],
            "clients": options.load_clients,
            "small_clients": SMALL_CLIENTS,
            "size": size,
            "bytes_per_second": BYTES_PER_SECOND,
            "start_within_seconds": START_WITHIN_SECONDS,
            "pause_seconds": PAUSE_SECONDS,
            "seconds": START_WITHIN_SECONDS + PATIENCE * size / BYTES_PER_SECOND,
        }
        with running([sys.executable, "-m", "benchmarks.slow_clients"], cwd=ROOT, stdin=PIPE, stdout=PIPE) as clients:
            said, _ = clients.communicate(json.dumps(plan))
        if clients.returncode:
            raise ContenderFailed("The clients failed.")
        memory = {
            "memory_mib": sum_mib(server.workers, "VmHWM") - idle,
            "nginx_mib": sum_mib(nginx.pids()),
        }
    return _figures(json.loads(said)) | memory


def _figures(said: dict[str, object]) -> Figures:
    statuses, small = dict(said["statuses"]), sorted(said["small_ms"])  # type: ignore[call-overload]  # from JSON
    stored = statuses.pop("201", 0)
    return {
        "stored": stored,
        "failed": sum(statuses.values()),
        "unanswered": said["unfinished"],
        "small": len(small),
        "small_failed": said["small_failed"],
        "p50_ms": small[int(len(small) * MEDIAN)],
        "p99_ms": small[int(len(small) * LATE)],
    }
