"""Tokens for clients that can send neither headers nor cookies: Uppy 6 has them in the URL of its endpoint.

    (no row) ──create──> usable ──expired or revoked──> refused ──housekeeping──> (no row)

The text of a token is the signed id of its row and is not stored, so a reader of the database cannot build one.
"""

import uuid
from typing import Self

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import models
from django.utils import timezone

SALT = "s3_file_uploader.upload_token"


class UploadTokenQuerySet(models.QuerySet["UploadToken"]):
    """Queries by meaning."""

    def expired(self) -> Self:
        """Narrow to expired tokens, revoked or not."""
        return self.order_by().filter(expires_at__lte=timezone.now())

    def usable(self) -> Self:
        """Narrow to tokens that are not expired or revoked."""
        return self.filter(revoked_at=None, expires_at__gt=timezone.now())

    def usable_as(self, text: str) -> "UploadToken | None":
        """Return the token of a text, with its user; None if it is forged, expired or revoked."""
        try:
            pk = uuid.UUID(_get_signer().unsign(text))
        except BadSignature:
            return None
        return self.usable().select_related("user").filter(pk=pk).first()


class UploadToken(models.Model):
    """One token of one user, for the endpoints of Uppy."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        db_index=False,  # The index of the listing begins with it.
        related_name="s3_upload_tokens",
    )
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True)

    objects = UploadTokenQuerySet.as_manager()

    class Meta:
        """Newest first."""

        ordering = ("-created_at", "-id")
        indexes = (models.Index(fields=("user", "-created_at", "-id"), name="s3_upload_token_of_user"),)

    def __str__(self) -> str:
        """Return the id, which opens nothing."""
        return f"{self.pk}"

    @property
    def text(self) -> str:
        """Return the text of the token, for a URL."""
        return _get_signer().sign(self.pk.hex)

    def revoke(self) -> None:
        """Refuse the token from now on; a repeated call keeps the first time."""
        type(self).objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=timezone.now())


def _get_signer() -> Signer:
    return Signer(salt=SALT, sep=".")
