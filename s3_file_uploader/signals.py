"""What integrators can listen to; sent after the record is committed, errors of a receiver are logged only.

All send `upload`, the `FileUpload`; after a deletion it is no longer in the database. With scanners, `file_uploaded`
comes once the file was found clean, and `file_rejected` where it was not, also of a file that replaced another;
`file_quarantined` is for whoever is to have it scanned: it was not in the request that brought it.
"""

from functools import partial
from typing import Any

from django.db import router, transaction
from django.dispatch import Signal

file_uploaded = Signal()
file_quarantined = Signal()
file_rejected = Signal()
file_deleted = Signal()


def after_commit(signal: Signal, upload: Any) -> None:
    """Send a signal once the present transaction is committed."""
    sender = type(upload)
    tell = partial(signal.send_robust, sender=sender, upload=upload)
    transaction.on_commit(tell, using=router.db_for_write(sender), robust=True)
