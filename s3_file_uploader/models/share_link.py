"""Links by which somebody without an account reads one file.

    (no row) ──create──> works ──its time or its downloads are over, revoked, the file replaced──> refused
                           └──the file is deleted, or its time is long over──> (no row)

The secret in the address is kept as a hash alone: who reads the database cannot make a link of it. It has as many
random bits as the hash, so the hash needs neither salt nor rounds.
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
    """Return what nobody can guess, fit for an address."""
    return secrets.token_urlsafe(SECRET_BYTES)


def secret_digest(secret: str) -> str:
    """Return what is kept of it; of text that is no secret, too."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    """Queries by meaning."""

    def over(self) -> Self:
        """Narrow to those whose time is over, revoked or not."""
        return self.order_by().filter(expires_at__lte=timezone.now())

    def usable(self) -> Self:
        """Narrow to those that may still be followed, as far as they know themselves."""
        not_used_up = Q(max_downloads=None) | Q(downloads__lt=F("max_downloads"))
        return self.filter(not_used_up, revoked_at=None, expires_at__gt=timezone.now())

    def usable_as(self, secret: str) -> "ShareLink | None":
        """Return the link whose secret this is, with file, owner and sharer."""
        found = self.usable().filter(digest=secret_digest(secret))
        return found.select_related("user", "upload", "upload__user").first()


class ShareLink(models.Model):
    """One link to the bytes that a file had when it was shared."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        db_index=False,  # The index of the listing begins with it.
        related_name="s3_share_links",
        help_text="Who shared it.",
    )
    upload = models.ForeignKey(FileUpload, on_delete=models.CASCADE, db_index=False, related_name="share_links")
    etag = models.CharField(max_length=255, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True)
    max_downloads = models.PositiveIntegerField(null=True, help_text="How often it may be followed; null: any number.")
    downloads = models.PositiveIntegerField(default=0, help_text="How often it was.")

    objects = ShareLinkQuerySet.as_manager()

    class Meta:
        """Newest first."""

        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=("user", "-created_at", "-id"), name="s3_share_of_user"),
            models.Index(fields=("upload", "-created_at", "-id"), name="s3_share_of_upload"),
        )

    def __str__(self) -> str:
        """Return which it is, and nothing that opens anything."""
        return f"{self.pk}"

    @property
    def is_of_present_file(self) -> bool:
        """Whether the file is stored, and still has the bytes that were shared."""
        return self.upload.status == FileUpload.Status.STORED and self.upload.etag == self.etag

    def count_download(self) -> bool:
        """Count one more; tell whether there was one left. The database decides, in one statement."""
        return bool(type(self).objects.usable().filter(pk=self.pk).update(downloads=F("downloads") + 1))

    def revoke(self) -> None:
        """Have it refused from now on; the first time counts."""
        type(self).objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=timezone.now())
