"""Who takes part."""

from collections.abc import Callable
from dataclasses import dataclass

Figures = dict[str, float]
# By the name of the contender: what it gave, round by round.
Runs = dict[str, list[Figures]]

# Names begin with one of these, or are somebody else's; drawings take their colours from it.
FLOOR = "floor: "
OURS = "ours: "

# The short names, to leave one out: `SKIP=raw`.
KEYS = frozenset(
    {
        *("floor", "form", "raw", "naive", "storages", "boto3"),
        *("redirect", "proxied", "saved", "stream", "whole"),
        *("empty", "insert", "presigned", "botocore"),
        *("ours", "view", "serializer", "field", "companion"),
        *("put", "two", "four"),
    }
)


@dataclass(frozen=True)
class Contender:
    """One way to do a thing; `run` does it once and returns what was measured, in the units its names say."""

    key: str
    name: str
    run: Callable[[], Figures]
