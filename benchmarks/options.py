"""What the command line says."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Sizes, counts and choices; the defaults are those of `__main__.py`."""

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
