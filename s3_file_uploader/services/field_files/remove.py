"""Remove a file of a file field once the host's transaction is committed."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import router, transaction

from ...exceptions import ClaimLost, FileInUse
from ...models import FileUpload
from ...models.lease import IN_USE, claim_record
from ..audit.operation import Operation
from ..files.delete import remove_claimed_file
from ..references import is_referenced


def field_file_remove(*, user: AbstractBaseUser | None, upload: FileUpload) -> None:
    """Claim the record in the present transaction, and remove object and record once it is committed.

    A roll-back brings the file back. If the process is killed after the commit, housekeeping finishes the removal.

    Args:
        user: the user of the request, for the audit trail.
        upload: a whole file. It is left to another request that is removing it, or to an `UploadField` that refers to
            it.

    Raises:
        StorageProblem: outside of a transaction, S3 could not; housekeeping does. Inside, the log says so.
    """
    database = router.db_for_write(FileUpload)

    def remove_after_commit() -> None:
        remove_claimed_file(upload)

    with Operation.on("file_delete", user=user, upload=upload), suppress(ClaimLost, FileInUse):
        claim_record(upload, FileUpload.Status.DELETING, within=_let_go)
        is_later = transaction.get_connection(database).in_atomic_block
        transaction.on_commit(remove_after_commit, using=database, robust=is_later)


@contextmanager
def _let_go(upload: FileUpload) -> Iterator[None]:
    """Clear the mark of the file field within the open transaction, whose commit is that of the claim.

    Raises:
        FileInUse: an `UploadField` refers to the file, too.
    """
    with transaction.atomic(using=router.db_for_write(FileUpload)):
        FileUpload.objects.filter(pk=upload.pk).update(attached_at=None)
        if is_referenced(upload.pk):
            raise FileInUse(IN_USE)
        yield
