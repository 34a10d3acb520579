"""Processes of this machine, read from /proc, because small systems have no `ps`."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
STATE, PARENT = 0, 1  # Indexes of fields in `stat`, counted after the name: proc_pid_stat(5).


def pids() -> Iterator[int]:
    """Yield the id of every process."""
    return (int(folder.name) for folder in PROC.glob("[0-9]*"))


def is_alive(pid: int) -> bool:
    """Return True if the process runs. A zombie does not."""
    return _stat(pid)[STATE] not in ("Z", "X", "")


def children(pid: int) -> list[int]:
    """Return the child processes."""
    return [child for child in pids() if _stat(child)[PARENT] == str(pid)]


def with_variable(name: str, value: str) -> list[int]:
    """Return the processes that have a variable in their initial environment."""
    assignment = f"{name}={value}".encode()
    return [pid for pid in pids() if assignment in _read(pid, "environ").split(b"\0")]


def command(pid: int) -> str:
    """Return the command line."""
    return _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()


def _stat(pid: int) -> list[str]:
    return _read(pid, "stat").decode(errors="replace").rpartition(") ")[2].split() or ["", ""]


def _read(pid: int, file: str) -> bytes:
    with suppress(OSError):  # The process has ended, or belongs to another user.
        return (PROC / str(pid) / file).read_bytes()
    return b""
