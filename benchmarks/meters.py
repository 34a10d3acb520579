"""Measure processes: wall seconds, CPU seconds, and peak memory over idle.

Linux only, because memory is read from /proc.
"""

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
# The CPU clock of another process, in nanoseconds, while /proc counts hundredths of a second. The number is computed
# like the kernel and glibc do: https://man7.org/linux/man-pages/man3/clock_getcpuclockid.3.html
CLOCK_OF_SCHEDULER = 2
BITS_OF_CLOCK = 3


def rest() -> None:
    """Write dirty pages to the disk, and wait until freed memory is back at the host.

    The kernel of a virtual machine returns free memory to its host after two seconds
    (https://docs.kernel.org/mm/free_page_reporting.html), and getting each page again takes time. A contender that
    starts at once, because it has no server, would use memory that the previous one freed, and be faster.
    """
    os.sync()
    time.sleep(REST_SECONDS)


@dataclass(frozen=True, slots=True)
class Reading:
    """The costs between the creation of a meter and its reading."""

    wall_seconds: float
    cpu_seconds: float | None
    memory_mib: float | None

    def figures(self, *, moved_mib: float, times: int = 1) -> Figures:
        """Return the figures of a run. Without metered processes, only the wall time.

        Args:
            moved_mib: the MiB that all transfers of the run moved together.
            times: the number of consecutive transfers. The wall time is for one of them.
        """
        figures = {"wall_seconds": self.wall_seconds / times}
        if self.cpu_seconds is not None:
            figures["cpu_seconds_per_gib"] = self.cpu_seconds * MIB_PER_GIB / moved_mib
        if self.memory_mib is not None:
            figures["memory_mib"] = self.memory_mib
        return figures


class Meter:
    """Measure from the creation of the meter to its reading.

    The processes must be warm and idle at first, and alive at the end.
    """

    def __init__(self, pids: Iterable[int], *, idle_mib: float | None = None) -> None:
        """Remember the current figures, and reset the peaks in the kernel.

        Args:
            pids: the processes. Empty for a contender without any.
            idle_mib: their memory before any large transfer. By default their current memory.
        """
        self._pids = tuple(pids)
        self._idle_mib = sum_mib(self._pids) if idle_mib is None else idle_mib
        for pid in self._pids:
            _file(pid, "clear_refs").write_text(RESET_PEAK)
        self._cpu_seconds = self._sum_cpu()
        self._started = time.perf_counter()

    def read(self) -> Reading:
        """Return the costs since the creation.

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
    """Return VmRSS (current) or VmHWM (peak) of all processes together."""
    return sum(memory_mib(pid, name) for pid in pids)


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds, user and system, of all threads of a process."""
    try:
        return time.clock_gettime(~pid << BITS_OF_CLOCK | CLOCK_OF_SCHEDULER)
    except OSError as error:
        raise ContenderFailed(f"process {pid} died") from error


def memory_mib(pid: int, name: str = "VmRSS") -> float:
    """Return VmRSS (current) or VmHWM (peak) of a process."""
    lines = _text(pid, "status").splitlines()
    matching = [line for line in lines if line.startswith(f"{name}:")]
    if not matching:  # A zombie has no memory.
        raise ContenderFailed(f"process {pid} died")
    return int(matching[0].split()[1]) / KIB_PER_MIB


def _text(pid: int, name: str) -> str:
    try:
        return _file(pid, name).read_text()
    except (FileNotFoundError, ProcessLookupError) as error:
        raise ContenderFailed(f"process {pid} died") from error


def _file(pid: int, name: str) -> Path:
    return Path("/proc") / str(pid) / name
