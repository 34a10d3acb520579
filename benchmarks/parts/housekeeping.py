"""Compare a bucket with its records: the time must be proportional to their number, and the memory constant."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from ..contenders import OURS, Contender, Figures
from ..listed_store import Listed, listing
from ..options import Options
from ..plots import Lines, lines
from ..postgresql import database_create, postgresql
from ..results import Result
from ..rounds import alternated
from ..stage import environment_of, manage
from ..tables import Column, Table, figure

LEVELS = (1_000, 10_000, 100_000, 1_000_000)
ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
WAYS = {"all agree": 0, "one object of a hundred gone": 100}
ABOUT = (
    "As many records in the bucket as the column says, and as many in others. `bucket_compare` in a process of its "
    "own, after an empty bucket that does not count. The store only lists, and answers 404 to everything else; what "
    "that costs is not in the CPU time, but in the objects a second. Each object that is gone is asked for again by "
    "itself. Memory is the peak over what the process had before."
)


@dataclass(frozen=True)
class Level:
    """A database with the given number of records in the bucket."""

    records: int
    environment: dict[str, str]

    def name(self, unit: str) -> str:
        """Return the name of the figure."""
        return f"{self.records}_records_{unit}"


def measure(folder: Path, options: Options) -> Result:
    """Measure on SQLite, then on PostgreSQL."""
    records = [level for level in LEVELS if level <= options.max_rows]
    tables = []
    with postgresql(folder) as server_url:
        for engine, name in ENGINES.items():
            levels = [_level(folder, count, _database_url(engine, server_url, folder, count)) for count in records]
            contenders = [
                Contender("housekeeping", f"{OURS}{way}", partial(_run, levels, gone)) for way, gone in WAYS.items()
            ]
            runs = alternated(f"comparison on {name}", contenders, options)
            tables.append(Table(name, tuple(_columns(levels)), runs))
    title = "A bucket compared with its records"
    panels = [_panel(table, records) for table in tables]
    return Result("housekeeping", title, ABOUT, tuple(tables), partial(lines, title=title, panels=panels))


def _database_url(engine: str, server_url: str, folder: Path, records: int) -> str:
    if engine == "sqlite":
        return f"sqlite:///{folder / f'{records}.sqlite3'}"
    return database_create(server_url, f"records_{records}")


def _level(folder: Path, records: int, database_url: str) -> Level:
    environment = {**environment_of(folder, database_url=database_url), "AWS_STORAGE_REGION": "us-east-1"}
    environment |= {"AWS_ACCESS_KEY_ID": "demo-access-key", "AWS_SECRET_ACCESS_KEY": "demo-secret-key"}
    manage("stage_prepare", environment=environment)
    manage("rows_fill", str(records), environment=environment)
    return Level(records, environment)


def _run(levels: list[Level], one_gone_of: int) -> Figures:
    return {name: value for level in levels for name, value in _compared(level, one_gone_of).items()}


def _compared(level: Level, one_gone_of: int) -> Figures:
    listed = Listed(level.records, one_gone_of)
    with listing(listed) as address:
        environment = {**level.environment, "AWS_S3_ENDPOINT_URL": address}
        figures = json.loads(manage("bucket_compared", str(level.records), str(listed.gone), environment=environment))
    return {
        level.name("per_second"): level.records / figures["seconds"],
        level.name("cpu_us"): figures["cpu_seconds"] * 1e6 / level.records,
        level.name("mib"): figures["memory_mib"],
    }


def _columns(levels: list[Level]) -> Iterator[Column]:
    for level in levels:
        yield Column(f"{level.records:,}: objects/s", figure(level.name("per_second")), decimals=0)
        yield Column("CPU us/object", figure(level.name("cpu_us")), decimals=0)
        yield Column("MiB", figure(level.name("mib")))


def _panel(table: Table, records: list[int]) -> Lines:
    memory = table.columns[2::3]
    series = {name: (records, [median(column.of(table.runs, name)) for column in memory]) for name in table.runs}
    return Lines(table.title, "records in the bucket", "MiB over idle", series, x_in_powers=True)
