"""Columns that the tables of files share."""

from ..tables import Column, figure, times

MEMORY = Column("memory over idle, MiB", figure("memory_mib"), decimals=0, plotted=True)


# The prefix of figures that were measured over plain http, beside the same over https.
OVER_HTTP = "http_"


def beside_http(columns: tuple[Column, ...], floor: str) -> tuple[Column, ...]:
    """Return the columns, and for plain http the ratio to its floor, the CPU and the memory."""
    ratio = Column("http: times its floor", times(floor, f"{OVER_HTTP}wall_seconds"), decimals=2)
    cpu = Column("http: CPU s/GiB", figure(f"{OVER_HTTP}cpu_seconds_per_gib"), decimals=2)
    return (*columns, ratio, cpu, Column("http: MiB", figure(f"{OVER_HTTP}memory_mib"), decimals=0))


def of_large_files(floor: str) -> tuple[Column, ...]:
    """Return the columns, given the name of the contender that is the floor."""
    wall = Column("wall s", figure("wall_seconds"), decimals=2, plotted=True)
    cpu = Column("CPU s/GiB", figure("cpu_seconds_per_gib"), decimals=2, plotted=True)
    return (wall, _times(floor), cpu, MEMORY)


def of_small_files(floor: str) -> tuple[Column, ...]:
    """Return the columns of several consecutive transfers."""
    wall = Column("ms each", figure("wall_ms"), plotted=True)
    return (wall, _times(floor), Column("CPU ms each", figure("cpu_ms"), plotted=True), MEMORY)


def _times(floor: str) -> Column:
    return Column("times the floor", times(floor, "wall_seconds"), decimals=2, with_range=True, plotted=True)
