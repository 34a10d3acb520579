"""What integrators can listen to; sent after the record is committed, errors of a receiver are logged only.

Both send `upload`, the `FileUpload`; after a deletion it is no longer in the database.
"""

from functools import partial
from typing import Any

from django.db import router, transaction
from django.dispatch import Signal

file_uploaded = Signal()
file_deleted = Signal()


def after_commit(signal: Signal, upload: Any) -> None:
    """Send a signal once the present transaction is committed."""
    sender = type(upload)
    tell = partial(signal.send_robust, sender=sender, upload=upload)
    transaction.on_commit(tell, using=router.db_for_write(sender), robust=True)
