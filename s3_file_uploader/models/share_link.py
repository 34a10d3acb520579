"""Links by which a client without an account reads one file.

    (no row) ──create──> works ──expired, used up, revoked, or the file replaced──> refused
                           └──the file is deleted, or housekeeping purges the link──> (no row)

Only a hash of the secret is stored, so a reader of the database cannot build a link. The secret has as many random bits
as the hash, so the hash needs neither salt nor rounds.
"""

import secrets
import uuid
from hashlib import sha256
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from .file_upload import FileUpload

SECRET_BYTES = 32


def secret_make() -> str:
    """Return a random secret that fits into a URL."""
    return secrets.token_urlsafe(SECRET_BYTES)


def secret_digest(secret: str) -> str:
    """Return the hash that is stored; any text has one."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    """Queries by meaning."""

    def expired(self) -> Self:
        """Narrow to expired links, revoked or not."""
        return self.order_by().filter(expires_at__lte=timezone.now())

    def usable(self) -> Self:
        """Narrow to links that are not expired, used up or revoked."""
        not_used_up = Q(max_downloads=None) | Q(downloads__lt=F("max_downloads"))
        return self.filter(not_used_up, revoked_at=None, expires_at__gt=timezone.now())

    def usable_as(self, secret: str) -> "ShareLink | None":
        """Return the usable link with this secret, with file, owner and sharer, or None."""
        links = self.usable().filter(digest=secret_digest(secret))
        return links.select_related("user", "upload", "upload__user").first()


class ShareLink(models.Model):
    """One link to the bytes that a file had when the link was created."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        db_index=False,  # The index of the listing begins with it.
        related_name="s3_share_links",
        help_text="The user who made the link.",
    )
    upload = models.ForeignKey(FileUpload, on_delete=models.CASCADE, db_index=False, related_name="share_links")
    etag = models.CharField(max_length=255, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True)
    max_downloads = models.PositiveIntegerField(null=True, help_text="Maximum number of downloads; null for no limit.")
    downloads = models.PositiveIntegerField(default=0, help_text="Number of downloads so far.")

    objects = ShareLinkQuerySet.as_manager()

    class Meta:
        """Newest first."""

        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=("user", "-created_at", "-id"), name="s3_share_of_user"),
            models.Index(fields=("upload", "-created_at", "-id"), name="s3_share_of_upload"),
        )

    def __str__(self) -> str:
        """Return the id, which opens nothing."""
        return f"{self.pk}"

    @property
    def is_of_present_file(self) -> bool:
        """Return True if the file is stored, and still has the bytes that were shared."""
        return self.upload.status == FileUpload.Status.STORED and self.upload.etag == self.etag

    def count_download(self) -> bool:
        """Count a download in one statement, so that the database decides; return False if none is left."""
        return bool(type(self).objects.usable().filter(pk=self.pk).update(downloads=F("downloads") + 1))

    def revoke(self) -> None:
        """Refuse the link from now on; a repeated call keeps the first time."""
        type(self).objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=timezone.now())
