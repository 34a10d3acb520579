"""Signals for integrators. Errors of a receiver are only logged.

The signals about files are sent after the commit. Each passes `upload`, the `FileUpload`. After `file_deleted` it is no
longer in the database. With scanners, `file_uploaded` is sent once a file is found clean, and `file_rejected` if it is
not, also for a file that replaced another. `file_quarantined` is sent for a file that was not scanned in the request of
its upload, so that a receiver can start a scan.

The other two are for metrics, and are sent at once, by any thread. A receiver must be fast.

    operation_ended    `name`, `outcome` ("ok" or the name of the error), `seconds`, and `size` in bytes or None
    s3_call_ended      `call`, `status` (of HTTP, or the name of the error without an answer), `seconds`, `retries`
"""

from functools import partial
from typing import Any

from django.db import router, transaction
from django.dispatch import Signal

file_uploaded = Signal()
file_quarantined = Signal()
file_rejected = Signal()
file_deleted = Signal()
operation_ended = Signal()
s3_call_ended = Signal()


def send_after_commit(signal: Signal, upload: Any) -> None:
    """Send a signal once the current transaction is committed."""
    sender = type(upload)
    send = partial(signal.send_robust, sender=sender, upload=upload)
    transaction.on_commit(send, using=router.db_for_write(sender), robust=True)
