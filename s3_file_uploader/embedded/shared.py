"""One store for all parts of a process, for as long as the process lives."""

import atexit
import os
from pathlib import Path
from threading import Lock
from time import monotonic

from .errors import EmbeddedS3Error
from .ports import LOOPBACK
from .server import EmbeddedS3, entered

# Requests that waited for a failed start share its error; otherwise each would wait for a start of its own.
ERROR_IS_SHARED_SECONDS = 2.0
_one_at_a_time = Lock()
_failures: dict[Path, tuple[float, EmbeddedS3Error]] = {}


def is_entered(folder: Path | str) -> bool:
    """Return True if this process uses the store of the folder, by `with EmbeddedS3(folder)` or `keep_running`."""
    return Path(folder).resolve() in entered


def keep_running(folder: Path | str) -> EmbeddedS3 | None:
    """Start the store of the folder, or find it running, unless this process uses it already.

    Returns:
        The store, which this process leaves when it ends; None if it was entered before.

    Raises:
        EmbeddedS3Error: the store cannot be used.
    """
    with _one_at_a_time:
        _bypass_proxy()
        if is_entered(folder):
            return None
        store = EmbeddedS3(folder)
        failed_at, error = _failures.get(store.folder, (0.0, None))
        if error and monotonic() < failed_at + ERROR_IS_SHARED_SECONDS:
            raise error
        try:
            store.__enter__()
        except EmbeddedS3Error as failure:
            _failures[store.folder] = monotonic(), failure
            raise
        atexit.register(store.__exit__)
        return store


def _bypass_proxy() -> None:
    """Reach this machine directly, although the shell may name a proxy."""
    for name in ("NO_PROXY", "no_proxy"):
        hosts = os.environ.get(name, "")
        if LOOPBACK not in hosts.split(","):
            os.environ[name] = ",".join(filter(None, (hosts, LOOPBACK)))
