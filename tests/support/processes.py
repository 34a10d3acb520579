"""Processes of this machine, as /proc has them: `ps` is missing on small systems."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
STATE, PARENT = 0, 1  # Of the fields in `stat` after the name: proc_pid_stat(5).


def pids() -> Iterator[int]:
    """Yield every process."""
    return (int(folder.name) for folder in PROC.glob("[0-9]*"))


def is_alive(pid: int) -> bool:
    """Return True unless it has ended; a zombie has."""
    return _stat(pid)[STATE] not in ("Z", "X", "")


def children(pid: int) -> list[int]:
    """Return the processes that it started."""
    return [child for child in pids() if _stat(child)[PARENT] == str(pid)]


def with_variable(name: str, value: str) -> list[int]:
    """Return the processes that were started with a variable in their environment."""
    wanted = f"{name}={value}".encode()
    return [pid for pid in pids() if wanted in _read(pid, "environ").split(b"\0")]


def command(pid: int) -> str:
    """Return its command line."""
    return _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()


def _stat(pid: int) -> list[str]:
    return _read(pid, "stat").decode(errors="replace").rpartition(") ")[2].split() or ["", ""]


def _read(pid: int, file: str) -> bytes:
    with suppress(OSError):  # It has ended meanwhile, or is another user's.
        return (PROC / str(pid) / file).read_bytes()
    return b""
