"""The Idempotency-Key that a client sent with an upload, so that the same request twice is one upload.

    (no row) ──claim of the file──> open ──file stored, in one transaction──> answered ──housekeeping──> (no row)

An open key whose upload no longer holds the claim was left by a failure: whoever sends it again takes it over.
https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import uuid
from hashlib import sha256
from typing import Any, Self

from django.db import IntegrityError, models
from django.utils import timezone

from ..exceptions import UploadInProgress
from .file_upload import FileUpload, durable_transaction

IN_PROGRESS = "The same upload is still on its way: try again in a moment, with the same Idempotency-Key."


def key_digest(user: Any, key: str) -> str:
    """Return what is unique to one user's key; exact even where a database compares text loosely."""
    return sha256(f"{user.pk}:{key}".encode()).hexdigest()


class IdempotencyKeyQuerySet(models.QuerySet["IdempotencyKey"]):
    """Queries by meaning."""

    def of(self, *, user: Any, key: str) -> Self:
        """Narrow to the one that the user sent."""
        return self.filter(digest=key_digest(user, key))

    def take(self, *, user: Any, key: str, upload: FileUpload) -> None:
        """Write down that the claim on `upload` was made under this key.

        Raises:
            UploadInProgress: another request with the same key was faster.
        """
        mine = self.of(user=user, key=key)
        try:
            with durable_transaction():
                mine.filter(is_answered=False).delete()
                self.create(digest=key_digest(user, key), upload=upload, claim_id=upload.claim_id)
        except IntegrityError as error:
            raise UploadInProgress(IN_PROGRESS) from error

    def write_answered(self, *, user: Any, key: str, upload: FileUpload) -> None:
        """Write down, inside the transaction that inserts `upload`, that the key stands for it from now on.

        Raises:
            IntegrityError: another request with the same key was faster.
        """
        self.create(digest=key_digest(user, key), upload=upload, claim_id=upload.claim_id, is_answered=True)

    def answered(self, upload: FileUpload) -> None:
        """Say that the upload which holds the claim is stored; inside the transaction that says so of the record."""
        self.filter(upload=upload, claim_id=upload.claim_id).update(is_answered=True)


class IdempotencyKey(models.Model):
    """One key of one user, and the upload that it stands for."""

    digest = models.CharField(primary_key=True, max_length=64, editable=False)
    upload = models.ForeignKey(FileUpload, on_delete=models.CASCADE, related_name="idempotency_keys")
    claim_id = models.UUIDField(default=uuid.uuid4, editable=False)
    is_answered = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = IdempotencyKeyQuerySet.as_manager()

    def __str__(self) -> str:
        """Return what it stands for."""
        return f"{self.upload_id}"

    @property
    def is_in_progress(self) -> bool:
        """Whether the request that brought it is still at work."""
        upload = self.upload
        is_claimed = upload.claim_id == self.claim_id and upload.status == FileUpload.Status.PENDING
        return not self.is_answered and is_claimed and not upload.is_abandoned
