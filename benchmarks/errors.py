"""What ends a part of the benchmarks."""


class ContenderFailed(Exception):
    """A contender answered an error, died or hung: there is no figure, and no table without it."""
