"""What processes cost: wall seconds, CPU seconds, peak memory over idle. Linux only: memory is read from /proc."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .contenders import Figures
from .errors import ContenderFailed

REST_SECONDS = 3
KIB_PER_MIB = 1024
MIB_PER_GIB = 1024
# https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html
RESET_PEAK = "5"
# The clock of another process, in nanoseconds where /proc counts hundredths of a second:
# https://man7.org/linux/man-pages/man3/clock_getcpuclockid.3.html , as the kernel and glibc number them.
CLOCK_OF_SCHEDULER = 2
BITS_OF_CLOCK = 3


def rest() -> None:
    """Have dirty pages on the disk, and wait until what was freed lies where everybody's memory comes from.

    The kernel of a virtual machine gives free memory back to its host two seconds later
    (https://docs.kernel.org/mm/free_page_reporting.html), and pays for each page that it takes again: whoever begins
    at once, because it has no server to start, would find what the one before it has left.
    """
    os.sync()
    time.sleep(REST_SECONDS)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was spent between the making of a meter and its reading."""

    wall_seconds: float
    cpu_seconds: float | None
    memory_mib: float | None

    def figures(self, *, moved_mib: float, times: int = 1) -> Figures:
        """Return the figures of a run; those of processes are left out where no process was metered.

        Args:
            moved_mib: what all the transfers of the run moved together.
            times: how many there were, one after the other; the wall time is that of one.
        """
        figures = {"wall_seconds": self.wall_seconds / times}
        if self.cpu_seconds is not None:
            figures["cpu_seconds_per_gib"] = self.cpu_seconds * MIB_PER_GIB / moved_mib
        if self.memory_mib is not None:
            figures["memory_mib"] = self.memory_mib
        return figures


class Meter:
    """Starts when it is made; the processes must be warm and idle then, and alive when it is read."""

    def __init__(self, pids: Iterable[int], *, idle_mib: float | None = None) -> None:
        """Remember what they use now, and have the kernel forget their peaks.

        Args:
            pids: of the processes; none for a contender without any.
            idle_mib: what they used before anything large went through them; by default what they use now.
        """
        self._pids = tuple(pids)
        self._idle_mib = sum_mib(self._pids) if idle_mib is None else idle_mib
        for pid in self._pids:
            _file(pid, "clear_refs").write_text(RESET_PEAK)
        self._cpu_seconds = self._sum_cpu()
        self._started = time.perf_counter()

    def read(self) -> Reading:
        """Return what was spent since.

        Raises:
            ContenderFailed: a process has died.
        """
        wall_seconds = time.perf_counter() - self._started
        if not self._pids:
            return Reading(wall_seconds, None, None)
        return Reading(wall_seconds, self._sum_cpu() - self._cpu_seconds, sum_mib(self._pids, "VmHWM") - self._idle_mib)

    def _sum_cpu(self) -> float:
        return sum(cpu_seconds(pid) for pid in self._pids)


def sum_mib(pids: Iterable[int], name: str = "VmRSS") -> float:
    """Return VmRSS (now) or VmHWM (the peak) of some processes together."""
    return sum(memory_mib(pid, name) for pid in pids)


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds, user and system, that all threads of a process have had."""
    try:
        return time.clock_gettime(~pid << BITS_OF_CLOCK | CLOCK_OF_SCHEDULER)
    except OSError as error:
        raise ContenderFailed(f"process {pid} died") from error


def memory_mib(pid: int, name: str = "VmRSS") -> float:
    """Return VmRSS (now) or VmHWM (the peak) of a process."""
    lines = _text(pid, "status").splitlines()
    found = [line for line in lines if line.startswith(f"{name}:")]
    if not found:  # Of a zombie nothing is left.
        raise ContenderFailed(f"process {pid} died")
    return int(found[0].split()[1]) / KIB_PER_MIB


def _text(pid: int, name: str) -> str:
    try:
        return _file(pid, name).read_text()
    except (FileNotFoundError, ProcessLookupError) as error:
        raise ContenderFailed(f"process {pid} died") from error


def _file(pid: int, name: str) -> Path:
    return Path("/proc") / str(pid) / name
