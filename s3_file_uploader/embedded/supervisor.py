"""Runs one program for as long as the process that asked for it lives: `python supervisor.py PROGRAM ARGUMENT...`.

The asking process holds the other end of our standard input. However it ends, by `kill -9` too, the kernel closes
that end, and we stop the program. It needs nothing but the standard library, and works alike on Linux and macOS.
"""

import os
import subprocess
import sys
import threading
import time

KILLED_AFTER_SECONDS = 3.0
STDIN, STDERR = 0, 2


def keep(command: list[str], asker: int, *, killed_after_seconds: float = KILLED_AFTER_SECONDS) -> int:
    """Run the program until it ends, or until the asker does.

    Args:
        command: the program and its arguments; what it prints goes to standard error.
        asker: file descriptor of our end of the pipe; at its end of file, the asker is gone or wants us to stop.
        killed_after_seconds: how long the program may take to end before it is killed.

    Returns:
        The exit code of the program, negative for a signal.
    """
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=STDERR)  # noqa: S603 - our own choice, no shell
    print(process.pid, flush=True)  # noqa: T201 - EmbeddedS3.pid
    threading.Thread(target=_stop_when_closed, args=(process, asker, killed_after_seconds), daemon=True).start()
    return process.wait()


def _stop_when_closed(process: "subprocess.Popen[bytes]", asker: int, killed_after_seconds: float) -> None:
    os.read(asker, 1)  # The asker writes nothing: this is the end of the file.
    process.terminate()
    time.sleep(killed_after_seconds)
    process.kill()


if __name__ == "__main__":  # pragma: no cover - in a process of its own, where coverage does not look
    sys.exit(keep(sys.argv[1:], STDIN))
