"""The record of an upload. No S3 calls: the services bring row and object into agreement.

    (no row) ──claim──> pending ──bytes verified──> stored ──claim──> deleting ──object gone──> (no row)
                           ^                          │
                           └───claim, to overwrite────┘

A row that is `pending` or `deleting` is claimed by one request, under a fresh `claim_id`, until `claimed_until`. Every
later step names the claim, so a request that lost its claim changes nothing. What is past `claimed_until` was left
by a crash: `services.settlement` makes it true again. `write_id` is the claim under which the object was last written,
or is being written; the object carries it.
"""

import uuid
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Self, cast

from django.conf import settings
from django.db import IntegrityError, models, router, transaction
from django.utils import timezone
from django.utils.http import content_disposition_header

from ..conf import conf
from ..exceptions import FileExists
from ..user_deletion import on_user_delete
from ..users import is_staff
from ..values import MAX_CONTENT_TYPE_LENGTH

BUSY = "The file is being written or removed by another request right now: try again in a moment."


def location_digest(bucket: str, file_name: str) -> str:
    """Return what is unique to an object: short, and exact even where a database compares text loosely."""
    return sha256(f"{bucket}/{file_name}".encode()).hexdigest()


def durable_transaction() -> transaction.Atomic:
    """Return a transaction that is committed when it ends, before S3 is asked for anything.

    Raises:
        RuntimeError: on entry, inside another `atomic()` block, which could still take the claim back.
    """
    return transaction.atomic(using=router.db_for_write(FileUpload), durable=True)


class FileUploadQuerySet(models.QuerySet["FileUpload"]):
    """Queries by meaning."""

    def at(self, *, bucket: str, file_name: str) -> Self:
        """Narrow to the one record of an object."""
        return self.order_by().filter(location_digest=location_digest(bucket, file_name))

    def stored(self) -> Self:
        """Narrow to files whose bytes are in S3, whole."""
        return self.filter(status=FileUpload.Status.STORED)

    def abandoned(self) -> Self:
        """Narrow to what a crash left half-way: the claim has run out."""
        return self.exclude(status=FileUpload.Status.STORED).filter(claimed_until__lt=timezone.now())

    def visible_to(self, user: Any) -> Self:
        """Narrow to what the user may know of: their own, all for staff, or as S3_FILE_UPLOADER_VISIBLE_TO says."""
        if user.pk is None:  # Nobody: not the owner of the records that have lost theirs.
            return self.none()
        narrow = conf.visible_to
        if narrow:
            return cast(Self, narrow(self, user))
        return self if is_staff(user) else self.filter(user_id=user.pk)

    def claim_new(self, **fields: Any) -> "FileUpload":
        """Insert a pending record, which claims its key.

        Raises:
            FileExists: somebody else has the key; the unique constraint decides, on every database.
        """
        claim_id = uuid.uuid4()
        upload = self.model(
            claim_id=claim_id,
            write_id=claim_id,
            location_digest=location_digest(fields["bucket"], fields["file_name"]),
            status=FileUpload.Status.PENDING,
            claimed_until=_claim_end(),
            **fields,
        )
        try:
            with durable_transaction():
                upload.save(force_insert=True)
        except IntegrityError as error:
            raise FileExists(BUSY) from error
        return upload


class FileUpload(models.Model):
    """One object in S3 and the user whose upload first claimed its key."""

    class Status(models.TextChoices):
        """See the drawing above."""

        PENDING = "pending"
        STORED = "stored"
        DELETING = "deleting"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=on_user_delete,
        null=True,
        blank=True,
        db_index=False,  # The indexes of the listings begin with it.
        related_name="s3_file_uploads",
    )
    bucket = models.CharField(max_length=63)
    file_name = models.CharField(max_length=1024, help_text="The object key.")
    location_digest = models.CharField(max_length=64, unique=True, editable=False)
    original_name = models.CharField(max_length=1024, help_text="The name on the device that sent it.")
    size = models.BigIntegerField(null=True, help_text="Bytes.")
    content_type = models.CharField(max_length=MAX_CONTENT_TYPE_LENGTH)
    etag = models.CharField(max_length=255, blank=True)
    checksum_sha256 = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=8, choices=Status.choices)
    created_at = models.DateTimeField(default=timezone.now)
    completed_at = models.DateTimeField(null=True)
    claim_id = models.UUIDField(default=uuid.uuid4, editable=False)
    write_id = models.UUIDField(default=uuid.uuid4, editable=False)
    claimed_until = models.DateTimeField(null=True, editable=False)

    objects = FileUploadQuerySet.as_manager()

    class Meta:
        """`stored` means whole: no such row without size, ETag and time. Listings read their index in order."""

        ordering = ("-created_at", "-id")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(status__in=("pending", "stored", "deleting")), name="s3_upload_status_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(status="stored")
                | models.Q(size__isnull=False, size__gte=0, completed_at__isnull=False) & ~models.Q(etag=""),
                name="s3_upload_stored_is_whole",
            ),
        )
        # One for each filter of a listing, in its order: a page is read from the index, without a sort.
        indexes = (
            models.Index(fields=("user", "-created_at", "-id"), name="s3_upload_of_user"),
            models.Index(fields=("user", "bucket", "-created_at", "-id"), name="s3_upload_of_user_in_bucket"),
            models.Index(fields=("user", "status", "-created_at", "-id"), name="s3_upload_of_user_by_status"),
            models.Index(fields=("user", "content_type", "-created_at", "-id"), name="s3_upload_of_user_by_type"),
            models.Index(fields=("-created_at", "-id"), name="s3_upload_newest"),
            models.Index(fields=("bucket", "-created_at", "-id"), name="s3_upload_in_bucket"),
            models.Index(fields=("status", "-created_at", "-id"), name="s3_upload_by_status"),
            models.Index(fields=("content_type", "-created_at", "-id"), name="s3_upload_by_type"),
            models.Index(
                fields=("claimed_until",), condition=models.Q(claimed_until__isnull=False), name="s3_upload_claims"
            ),
        )

    def __str__(self) -> str:
        """Return where it lies."""
        return f"{self.bucket}/{self.file_name}"

    @property
    def is_abandoned(self) -> bool:
        """Whether a crash left it half-way."""
        return self.claimed_until is not None and self.claimed_until < timezone.now()

    @property
    def was_stored(self) -> bool:
        """Whether there was a whole file under the key before the present claim."""
        return self.completed_at is not None

    def content_disposition(self, disposition: str) -> str:
        """Return the header that gives the file its original name (RFC 6266): `attachment` or `inline`."""
        return content_disposition_header(disposition == "attachment", self.original_name) or disposition

    def claim(self, status: Status) -> None:
        """Take a stored or abandoned record for this request alone, as `status`: `pending` to write its object.

        Raises:
            FileExists: another request was faster.
        """
        claim_id = uuid.uuid4()
        self._claim(status=status, claim_id=claim_id, **{"write_id": claim_id} if status == "pending" else {})

    def claim_to_settle(self) -> None:
        """Take an abandoned record as it is; whose bytes it waits for stays known, however often this is tried.

        Raises:
            FileExists: another request was faster.
        """
        self._claim(claim_id=uuid.uuid4())

    def _claim(self, **values: Any) -> None:
        values["claimed_until"] = _claim_end()
        free = models.Q(status=self.Status.STORED) | models.Q(claimed_until__lt=timezone.now())
        mine = type(self).objects.filter(free, pk=self.pk, claim_id=self.claim_id)
        with durable_transaction():
            if not mine.update(**values):
                raise FileExists(BUSY)
        self._take_over(values)

    def claim_renew(self) -> None:
        """Begin the time of the claim anew.

        Raises:
            FileExists: it is lost.
        """
        self._change(claimed_until=_claim_end())

    def claim_keep(self) -> None:
        """Renew the claim once half of its time is over; cheap enough to be called for every part of a file.

        Raises:
            FileExists: it is lost.
        """
        if self.claimed_until is None or self.claimed_until - timezone.now() < timedelta(
            seconds=conf.claim_seconds / 2
        ):
            self.claim_renew()

    def claim_end_in(self, seconds: float) -> None:
        """Leave the record half-way: whoever comes after `seconds` may settle it."""
        self._change(claimed_until=timezone.now() + timedelta(seconds=seconds))

    def mark_stored(self, **what_s3_holds: Any) -> None:
        """Say that the bytes are in S3, whole, and end the claim.

        Args:
            what_s3_holds: new values of size, etag, content_type, checksum_sha256, completed_at, original_name;
                those left out are as they were.

        Raises:
            FileExists: the claim is lost, so the bytes may be another request's by now.
        """
        self._change(status=self.Status.STORED, claimed_until=None, **what_s3_holds)

    def forget(self) -> None:
        """Remove the record, if it is still this request's; its object is gone or was never made."""
        type(self).objects.filter(pk=self.pk, claim_id=self.claim_id).delete()

    def _change(self, **values: Any) -> None:
        if not type(self).objects.filter(pk=self.pk, claim_id=self.claim_id).update(**values):
            raise FileExists(BUSY)
        self._take_over(values)

    def _take_over(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            setattr(self, name, value)


def _claim_end() -> datetime:
    return timezone.now() + timedelta(seconds=conf.claim_seconds)
