"""Files that nobody else may read, and locks in them."""

import fcntl
import os
from pathlib import Path
from typing import IO

UMASK = 0o077


def opened(file: Path, *, truncate: bool = False) -> IO[bytes]:
    """Open a file of mode 0600, to append to it or to fill it anew."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if truncate else os.O_APPEND)
    return os.fdopen(os.open(file, flags, 0o600), "wb")


def locked(file: IO[bytes]) -> bool:
    """Lock it until it is closed; False if another process has it locked."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
