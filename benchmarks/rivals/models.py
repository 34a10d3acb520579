"""A table as wide as the app's, with as many indexes but no states, and the field of django-s3-file-field."""

import uuid
from hashlib import sha256
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from s3_file_field.fields import S3FileField

from .storage import storage_make


class InsertedRow(models.Model):
    """A typical record of an upload. `stage_prepare` creates its table without a migration."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
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
    write_id = models.UUIDField(default=uuid.uuid4)
    claimed_until = models.DateTimeField(null=True)
    strategy = models.CharField(max_length=9)
    multipart_upload_id = models.CharField(max_length=1024)
    part_size = models.BigIntegerField(null=True)
    writable_until = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["InsertedRow"]] = models.Manager()

    class Meta:
        """As many indexes as the app's table has, on the same columns."""

        indexes = (
            models.Index(fields=("user", "-created_at", "-id"), name="rival_of_user"),
            models.Index(fields=("user", "bucket", "-created_at", "-id"), name="rival_of_user_in_bucket"),
            models.Index(fields=("user", "status", "-created_at", "-id"), name="rival_of_user_by_status"),
            models.Index(fields=("user", "content_type", "-created_at", "-id"), name="rival_of_user_by_type"),
            models.Index(fields=("-created_at", "-id"), name="rival_newest"),
            models.Index(fields=("bucket", "-created_at", "-id"), name="rival_in_bucket"),
            models.Index(fields=("status", "-created_at", "-id"), name="rival_by_status"),
            models.Index(fields=("content_type", "-created_at", "-id"), name="rival_by_type"),
            models.Index(
                fields=("claimed_until",), condition=models.Q(claimed_until__isnull=False), name="rival_claims"
            ),
        )

    def __str__(self) -> str:
        """Return the key of the object."""
        return f"{self.bucket}/{self.file_name}"

    @classmethod
    def of(cls, user: Any, *, file_name: str | None = None, **fields: Any) -> "InsertedRow":
        """Insert a row for a file that does not exist. `fields` replace those of a stored JPEG of 1 KiB."""
        name = file_name or f"{uuid.uuid4().hex}.jpg"
        stored = {"size": 1024, "content_type": "image/jpeg", "etag": "-" * 32, "checksum_sha256": "-" * 64}
        return cls.objects.create(
            user_id=user.pk,
            file_name=name,
            location_digest=sha256(name.encode()).hexdigest(),
            original_name=name,
            **{"bucket": "benchmark", "status": "stored", **stored, **fields},
        )


class FieldRow(models.Model):
    """The model for which django-s3-file-field signs. It needs no table, because nothing is saved."""

    file = S3FileField(storage=storage_make)

    objects: ClassVar[models.Manager["FieldRow"]] = models.Manager()

    def __str__(self) -> str:
        """Return the key."""
        return str(self.file)
