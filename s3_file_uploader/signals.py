"""Signals for integrators. They are sent after the commit, and errors of a receiver are only logged.

Each signal passes `upload`, the `FileUpload`. After `file_deleted` it is no longer in the database. With scanners,
`file_uploaded` is sent once a file is found clean, and `file_rejected` if it is not, also for a file that replaced
another. `file_quarantined` is sent for a file that was not scanned in the request of its upload, so that a receiver can
start a scan.
"""

from functools import partial
from typing import Any

from django.db import router, transaction
from django.dispatch import Signal

file_uploaded = Signal()
file_quarantined = Signal()
file_rejected = Signal()
file_deleted = Signal()


def send_after_commit(signal: Signal, upload: Any) -> None:
    """Send a signal once the current transaction is committed."""
    sender = type(upload)
    send = partial(signal.send_robust, sender=sender, upload=upload)
    transaction.on_commit(send, using=router.db_for_write(sender), robust=True)
