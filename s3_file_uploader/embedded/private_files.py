"""Files that only their owner may read, and locks on them."""

import fcntl
import os
from pathlib import Path
from typing import IO

from .errors import EmbeddedS3Error

UMASK = 0o077


def create_folder(folder: Path) -> None:
    """Create the folder for its owner alone, unless it exists.

    Raises:
        EmbeddedS3Error: a file has its name, or this user may not create it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise EmbeddedS3Error(
            f"The embedded S3 cannot use {folder} ({error.strerror}): name a folder in which this user may write."
        ) from error


def open_private(file: Path, *, truncate: bool = False) -> IO[bytes]:
    """Open a file of mode 0600, to append to it or to fill it anew."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if truncate else os.O_APPEND)
    return os.fdopen(os.open(file, flags, 0o600), "wb")


def acquire_lock(file: IO[bytes], *, shared: bool = False) -> bool:
    """Lock the file until it is closed; return False if the lock of another process forbids it."""
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
