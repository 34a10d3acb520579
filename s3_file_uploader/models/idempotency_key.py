"""The Idempotency-Key that a client sent with an upload, so that a repeated request is one upload.

    (no row) ──file claimed──> open ──file stored──> answered ──housekeeping──> (no row)

Each of the first two steps shares a transaction with the step of the file. A failure leaves an open key whose upload no
longer holds the claim: the next request with the key takes it over.
https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import uuid
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Self

from django.db import IntegrityError, models, router, transaction
from django.utils import timezone

from ..exceptions import IdempotencyKeyReused, UploadInProgress
from .file_upload import FileUpload

IN_PROGRESS = "The same upload is still on its way: try again in a moment, with the same Idempotency-Key."
REUSED = "This Idempotency-Key was sent with another file: take a new one for each file."


def key_digest(user: Any, key: str) -> str:
    """Return the unique digest of a user's key; exact even if a database compares text loosely."""
    return sha256(f"{user.pk}:{key}".encode()).hexdigest()


class IdempotencyKeyQuerySet(models.QuerySet["IdempotencyKey"]):
    """Queries by meaning."""

    def of(self, *, user: Any, key: str) -> Self:
        """Narrow to the key that the user sent."""
        return self.filter(digest=key_digest(user, key))

    def find_used(self, *, user: Any, key: str, is_same: Callable[["IdempotencyKey"], bool]) -> "IdempotencyKey | None":
        """Return the key with its upload if the user sent it before, else None.

        Args:
            user: who sends it.
            key: as sent.
            is_same: returns True if the upload of the key has the file of this request.

        Raises:
            IdempotencyKeyReused: it has another file.
        """
        used = self.of(user=user, key=key).select_related("upload").first()
        if used is not None and not is_same(used):
            raise IdempotencyKeyReused(REUSED)
        return used

    def take(self, upload: FileUpload, *, user: Any, key: str) -> None:
        """Write, in the transaction that claims `upload`, that the claim was made under this key.

        Raises:
            UploadInProgress: another request with the same key was faster.
        """
        taken = self.model(digest=key_digest(user, key), upload=upload, claim_id=upload.claim_id)
        # Most keys are new, so the insert comes first.
        if not (self._try_insert(taken) or (self._delete_failed(taken.digest) and self._try_insert(taken))):
            raise UploadInProgress(IN_PROGRESS)

    def _delete_failed(self, digest: str) -> bool:
        """Delete the key of a request that failed; return False if the request runs or was answered."""
        for used in self.filter(pk=digest).select_related("upload"):
            if used.is_answered or used.is_in_progress:
                return False
            self.filter(pk=digest, claim_id=used.claim_id, is_answered=False).delete()
        return True

    def _try_insert(self, key: "IdempotencyKey") -> bool:
        """Insert a row under a savepoint, so that a conflict does not end the transaction; return False then."""
        try:
            with transaction.atomic(using=router.db_for_write(self.model)):
                key.save(force_insert=True)
        except IntegrityError:
            return False
        return True

    def write_answered(self, *, user: Any, key: str, upload: FileUpload) -> None:
        """Write, in the transaction that inserts `upload`, that the key stands for it.

        Raises:
            IntegrityError: another request with the same key was faster.
        """
        self.create(digest=key_digest(user, key), upload=upload, claim_id=upload.claim_id, is_answered=True)

    def mark_answered(self, upload: FileUpload) -> None:
        """Write, in the transaction that marks the upload stored, that its key is answered."""
        self.filter(upload=upload, claim_id=upload.claim_id).update(is_answered=True)


class IdempotencyKey(models.Model):
    """One key of one user, and its upload."""

    digest = models.CharField(primary_key=True, max_length=64, editable=False)
    upload = models.ForeignKey(FileUpload, on_delete=models.CASCADE, related_name="idempotency_keys")
    claim_id = models.UUIDField(default=uuid.uuid4, editable=False)
    is_answered = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = IdempotencyKeyQuerySet.as_manager()

    def __str__(self) -> str:
        """Return the id of its upload."""
        return f"{self.upload_id}"

    @property
    def is_in_progress(self) -> bool:
        """Return True while the request that sent it is still at work."""
        upload = self.upload
        is_claimed = upload.claim_id == self.claim_id and upload.status == FileUpload.Status.PENDING
        return not self.is_answered and is_claimed and not upload.is_abandoned
