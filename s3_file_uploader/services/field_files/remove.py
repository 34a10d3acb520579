"""Remove a file of a file field once the host's transaction is committed."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import router, transaction

from ...exceptions import ClaimLost
from ...models import FileUpload
from ...models.lease import claim_record
from ..audit.operation import Operation
from ..files.delete import remove_claimed_file


def field_file_remove(*, user: AbstractBaseUser | None, upload: FileUpload) -> None:
    """Claim the record in the present transaction, and remove object and record once it is committed.

    A roll-back brings the file back. If the process is killed after the commit, housekeeping finishes the removal.

    Args:
        user: the user of the request, for the audit trail.
        upload: a whole file. A file that another request is removing is left to that request.

    Raises:
        StorageProblem: outside of a transaction, S3 could not; housekeeping does. Inside, the log says so.
    """
    database = router.db_for_write(FileUpload)

    def remove_after_commit() -> None:
        remove_claimed_file(upload)

    with Operation.on("file_delete", user=user, upload=upload), suppress(ClaimLost):
        claim_record(upload, FileUpload.Status.DELETING, within=_join_transaction)
        is_later = transaction.get_connection(database).in_atomic_block
        transaction.on_commit(remove_after_commit, using=database, robust=is_later)


@contextmanager
def _join_transaction(_upload: FileUpload) -> Iterator[None]:
    """Claim in the transaction that is open, if there is one: its commit is that of the claim."""
    yield
