"""Processes that end with the block that started them, also on Ctrl-C."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ENDS_WITHIN_SECONDS = 15


@contextmanager
def running(command: Sequence[str], **options: Any) -> "Iterator[subprocess.Popen[str]]":
    """Start a program, and end it with the block.

    Args:
        command: the program and its arguments, without a shell.
        options: options of `subprocess.Popen`.
    """
    with subprocess.Popen(command, text=True, **options) as process:
        try:
            yield process
        finally:
            _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(ENDS_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
