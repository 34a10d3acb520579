"""A table as wide as ours, with the same indexes on what every list needs; nothing watches over it."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone


class InsertedRow(models.Model):
    """What anybody would write down about an upload; made by `benchmarks.prepare`, without a migration."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    bucket = models.CharField(max_length=63)
    file_name = models.CharField(max_length=1024)
    location_digest = models.CharField(max_length=64, unique=True)
    original_name = models.CharField(max_length=1024)
    size = models.BigIntegerField()
    content_type = models.CharField(max_length=255)
    etag = models.CharField(max_length=255)
    checksum_sha256 = models.CharField(max_length=64)
    status = models.CharField(max_length=8)
    created_at = models.DateTimeField(default=timezone.now)
    completed_at = models.DateTimeField(default=timezone.now)
    claim_id = models.UUIDField(default=uuid.uuid4)
    claimed_until = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["InsertedRow"]] = models.Manager()

    class Meta:
        """Two indexes, as ours has them."""

        indexes = (
            models.Index(fields=("user", "-created_at", "-id"), name="rival_of_user"),
            models.Index(fields=("-created_at", "-id"), name="rival_newest"),
        )

    def __str__(self) -> str:
        """Return where it would lie."""
        return f"{self.bucket}/{self.file_name}"

    @classmethod
    def of(cls, user: Any) -> "InsertedRow":
        """Insert one for a file that nobody has."""
        name = f"{uuid.uuid4().hex}.jpg"
        return cls.objects.create(
            user_id=user.pk,
            bucket="benchmark",
            file_name=name,
            location_digest=f"{name:0>64}",
            original_name=name,
            size=1024,
            content_type="image/jpeg",
            etag="-" * 32,
            checksum_sha256="-" * 64,
            status="stored",
        )
