"""Run one program for as long as a process uses it: `python supervisor.py USERS PROGRAM ARGUMENT...`.

Each process that uses the program holds a shared lock on the file USERS. However such a process ends, even by
`kill -9`, the kernel releases its lock. The supervisor waits for an exclusive lock on the same file. It gets that lock
after the last user has left, and then stops the program. It needs only the standard library, and works alike on Linux
and macOS.
"""

import fcntl
import subprocess
import sys
import threading
import time
from pathlib import Path

KILLED_AFTER_SECONDS = 3.0
STDERR = 2


def supervise(command: list[str], users: Path, *, killed_after_seconds: float = KILLED_AFTER_SECONDS) -> int:
    """Run the program until it ends, or until the last process that uses it has ended.

    Args:
        command: the program and its arguments; its output goes to standard error.
        users: the file on which each user of the program holds a shared lock.
        killed_after_seconds: how long the program may take to end before it is killed.

    Returns:
        The exit code of the program, negative for a signal.
    """
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=STDERR)  # noqa: S603 - our own choice, no shell
    print(process.pid, flush=True)  # noqa: T201 - EmbeddedS3.pid
    threading.Thread(target=_stop_when_unused, args=(process, users, killed_after_seconds), daemon=True).start()
    return process.wait()


def _stop_when_unused(process: "subprocess.Popen[bytes]", users: Path, killed_after_seconds: float) -> None:
    with users.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # Held until the program has ended: a new user waits for that, too.
        process.terminate()
        time.sleep(killed_after_seconds)
        process.kill()


if __name__ == "__main__":  # pragma: no cover - in a process of its own, where coverage does not look
    sys.exit(supervise(sys.argv[2:], Path(sys.argv[1])))
