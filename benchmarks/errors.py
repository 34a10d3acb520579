"""The error that ends a part of the benchmarks."""


class ContenderFailed(Exception):
    """Raised if a contender responds with an error, dies or hangs. Its part gets no table."""
