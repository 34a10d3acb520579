"""Pages of `uploads/` with a growing number of files: the last page must cost no more than the first."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from ..contenders import Contender, Figures, Runs
from ..errors import ContenderFailed
from ..load import Job, connected, perform
from ..options import Options
from ..plots import Lines, lines
from ..postgresql import database_create, postgresql
from ..results import Result
from ..rounds import alternated
from ..rows import HALF, RARE, RARE_ROWS, created_at
from ..servers import OURS, SERVICE, served
from ..stage import environment_of, manage
from ..tables import Column, Table, figure, growth

LEVELS = (1_000, 10_000, 100_000, 1_000_000)
PAGE_ROWS = 100
REQUESTS = 20
MS_PER_SECOND = 1000
ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
ABOUT = (
    f"As many rows of the caller as the column says, among as many of another user; pages of {PAGE_ROWS}, each asked "
    f"for {REQUESTS} times over a kept connection in each round, of which the median counts. Every number of rows has "
    "a database and a server (one process) of its own, and all are asked within the same round. The middle and the "
    f"last page are reached by their cursor. `bucket=` keeps half of the rows, or, where it says so, {RARE_ROWS} of "
    "them, which lie far apart."
)


@dataclass(frozen=True)
class Level:
    """A server with the given number of rows of the user."""

    rows: int
    address: str
    headers: dict[str, str]

    @property
    def figure(self) -> str:
        """The name of the figure."""
        return f"{self.rows}_rows_ms"


@dataclass(frozen=True)
class Page:
    """A page of a list. `depth` is the share of rows that are older, None for the last page."""

    name: str
    depth: float | None
    bucket: str = ""
    rows: int = PAGE_ROWS

    def path(self, connection: HTTPConnection, level: Level) -> str:
        """Return the URL: the first page has no cursor, and other pages have the cursor of the page before."""
        query = {"page_size": str(PAGE_ROWS), **({"bucket": self.bucket} if self.bucket else {})}
        if self.depth == 1:
            return _uploads(query)
        # Two pages of rows are older than this. The rows of a bucket are half of all rows, so twice as far apart.
        last_two = 2 * PAGE_ROWS * (2 if self.bucket else 1)
        older = last_two if self.depth is None else int(level.rows * self.depth)
        before = {"created_before": created_at(older).isoformat()}
        link = _answer(connection, level, _uploads({**query, **before}))["next"]
        cursor_pairs = [(name, value) for name, value in parse_qsl(urlsplit(link).query) if name not in before]
        return _uploads(dict(cursor_pairs))


PAGES = (
    Page("first page", 1),
    Page("middle page", 0.5),
    Page("last page", None),
    Page("first page, bucket=", 1, HALF),
    Page("middle page, bucket=", 0.5, HALF),
    Page("last page, bucket=", None, HALF),
    Page(f"the one page, bucket= of {RARE_ROWS} rows", 1, RARE, RARE_ROWS),
)


def measure(folder: Path, options: Options) -> Result:
    """Measure on SQLite, then on PostgreSQL."""
    levels = [rows for rows in LEVELS if rows <= options.max_rows]
    tables = []
    with postgresql(folder) as server_url:
        for engine, name in ENGINES.items():
            urls = {rows: _database_url(engine, server_url, folder, rows) for rows in levels}
            with ExitStack() as stack:
                built = [stack.enter_context(_level(folder, rows, url)) for rows, url in urls.items()]
                tables.append(Table(name, _columns(built), _runs(name, built, options)))
    title = "Pages of uploads/"
    panels = [_panel(table, levels) for table in tables]
    return Result("listing", title, ABOUT, tuple(tables), partial(lines, title=title, panels=panels))


def _runs(engine: str, levels: list[Level], options: Options) -> Runs:
    contenders = [Contender("listing", page.name, partial(_run, page, levels)) for page in PAGES]
    return alternated(f"pages on {engine}", contenders, options)


def _database_url(engine: str, server_url: str, folder: Path, rows: int) -> str:
    if engine == "sqlite":
        return f"sqlite:///{folder / f'{rows}.sqlite3'}"
    return database_create(server_url, f"rows_{rows}")


@contextmanager
def _level(folder: Path, rows: int, database_url: str) -> Iterator[Level]:
    environment = environment_of(folder, database_url=database_url)
    # Listings never call the store, but the settings must name one.
    environment |= {"AWS_S3_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_STORAGE_REGION": "us-east-1"}
    token = manage("stage_prepare", environment=environment)
    manage("rows_fill", str(rows), environment=environment)
    own = folder / str(rows)
    own.mkdir(exist_ok=True)
    with served(OURS, environment, folder=own) as server:
        yield Level(rows, server.address, {"Authorization": f"Token {token}"})


def _run(page: Page, levels: list[Level]) -> Figures:
    return {level.figure: _milliseconds(page, level) for level in levels}


def _milliseconds(page: Page, level: Level) -> float:
    with connected(level.address) as connection:
        path = page.path(connection, level)
        row_count = len(_answer(connection, level, path)["results"])
        if row_count != page.rows:
            raise ContenderFailed(f"{path} has {row_count} rows, and should have {page.rows}")
        return median(_timed(connection, level, path) for _ in range(REQUESTS))


def _timed(connection: HTTPConnection, level: Level, path: str) -> float:
    started = time.perf_counter()
    perform(connection, Job("GET", path, level.headers))
    return (time.perf_counter() - started) * MS_PER_SECOND


def _answer(connection: HTTPConnection, level: Level, path: str) -> Any:
    return json.loads(perform(connection, Job("GET", path, level.headers)))


def _uploads(query: dict[str, str]) -> str:
    return f"{SERVICE}uploads/?{urlencode(query)}"


def _columns(levels: list[Level]) -> tuple[Column, ...]:
    first, *others = levels
    measured = (Column(f"{level.rows:,} rows, ms", figure(level.figure), decimals=2) for level in levels)
    ratios = (
        Column(f"{level.rows:,} / {first.rows:,}", growth(level.figure, first.figure), decimals=2) for level in others
    )
    return (*measured, *ratios)


def _panel(table: Table, levels: list[int]) -> Lines:
    middle = len(levels)
    measured = table.columns[:middle]
    series = {name: (levels, [median(column.of(table.runs, name)) for column in measured]) for name in table.runs}
    return Lines(table.title, "rows of the caller", "ms a page", series, x_in_powers=True)
