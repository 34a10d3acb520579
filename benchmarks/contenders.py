"""The contenders of the benchmarks."""

from collections.abc import Callable
from dataclasses import dataclass

Figures = dict[str, float]
# Figures of each round, by the name of the contender.
Runs = dict[str, list[Figures]]

# The name of a contender begins with one of these, or is the name of another product. Plots use them for colours.
FLOOR = "floor: "
OURS = "ours: "

# Short names, to skip a contender: `SKIP=raw`.
KEYS = frozenset(
    {
        *("floor", "form", "raw", "naive", "storages", "boto3"),
        *("redirect", "proxied", "saved", "stream", "whole", "disk"),
        *("empty", "insert", "presigned", "botocore"),
        *("ours", "view", "serializer", "field", "companion"),
        *("put", "two", "four"),
        *("server", "uppy", "tus", "lib-storage"),
        *("buffered", "unbuffered"),
    }
)


@dataclass(frozen=True)
class Contender:
    """One way to do a task. `run` does it once and returns the figures, in the units of their names."""

    key: str
    name: str
    run: Callable[[], Figures]
