"""Options of the command line."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Sizes, counts and choices. `__main__.py` has the defaults."""

    size_mib: int
    rounds: int
    only: frozenset[str]
    skip: frozenset[str]
    results: Path
    requests: int
    seconds: float
    slow_seconds: int
    max_rows: int
    uploads: int
    files: int
    load_clients: int
    load_mib: int
