"""The record of an upload. No S3 calls: the services bring row and object into agreement.

    (no row) ──claim──> pending ──bytes verified──> stored ──claim──> deleting ──object gone──> (no row)
                           ^                          │
                           └───claim, to overwrite────┘

A row that is `pending` or `deleting` is claimed by one request, under a fresh `claim_id`, until `claimed_until`. Every
later step names the claim, so a request that lost its claim changes nothing. What is past `claimed_until` was left
by a crash: `services.settlement` makes it true again. `write_id` is the claim under which the object was last written,
or is being written; the object carries it.

A direct upload, whose bytes the client sends to S3 itself, is pending until it is completed or expires; its claim ends
then. Its key is its own, so whatever lies there is of that upload. Where a signed URL may still bring an object after
the record should go, the record stays until `writable_until`: `deleting`, and nobody's.
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

    def direct(self) -> Self:
        """Narrow to those whose bytes the client sends to S3 itself."""
        return self.exclude(strategy="")

    def claim_new(self, **fields: Any) -> "FileUpload":
        """Insert a pending record, which claims its key.

        Raises:
            FileExists: somebody else has the key; the unique constraint decides, on every database.
        """
        upload = self.pending(claimed_until=_claim_end(), **fields)
        try:
            with durable_transaction():
                upload.save(force_insert=True)
        except IntegrityError as error:
            raise FileExists(BUSY) from error
        return upload

    def pending(self, **fields: Any) -> "FileUpload":
        """Make a pending record with a claim on its key; whoever asked for it inserts it."""
        claim_id = uuid.uuid4()
        return self.model(
            claim_id=claim_id,
            write_id=claim_id,
            location_digest=location_digest(fields["bucket"], fields["file_name"]),
            status=FileUpload.Status.PENDING,
            **fields,
        )


class FileUpload(models.Model):
    """One object in S3 and the user whose upload first claimed its key."""

    class Status(models.TextChoices):
        """See the drawing above."""

        PENDING = "pending"
        STORED = "stored"
        DELETING = "deleting"

    class Strategy(models.TextChoices):
        """How the client of a direct upload sends its bytes to S3; empty where they come through this server."""

        PUT = "put"
        POST = "post"
        MULTIPART = "multipart"

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
    size = models.BigIntegerField(null=True, help_text="Bytes; of a direct upload that is pending, as announced.")
    content_type = models.CharField(max_length=MAX_CONTENT_TYPE_LENGTH)
    etag = models.CharField(max_length=255, blank=True)
    checksum_sha256 = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=8, choices=Status.choices)
    created_at = models.DateTimeField(default=timezone.now)
    completed_at = models.DateTimeField(null=True)
    claim_id = models.UUIDField(default=uuid.uuid4, editable=False)
    write_id = models.UUIDField(default=uuid.uuid4, editable=False)
    claimed_until = models.DateTimeField(null=True, editable=False)
    strategy = models.CharField(max_length=9, choices=Strategy.choices, blank=True)
    multipart_upload_id = models.CharField(max_length=1024, blank=True, editable=False, help_text="As S3 named it.")
    part_size = models.BigIntegerField(null=True, editable=False, help_text="Bytes of every part but the last.")
    writable_until = models.DateTimeField(null=True, editable=False)

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
    def is_direct(self) -> bool:
        """Whether the client sends the bytes to S3 itself; then nobody else writes under the key."""
        return bool(self.strategy)

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
        # Who writes through this server ends what the client might still send by itself.
        written = {"write_id": claim_id, "strategy": ""} if status == "pending" else {}
        self._claim(status=status, claim_id=claim_id, **written)

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

    def claim_from_client(self) -> None:
        """Take a pending direct upload away from its client, to remove it.

        Raises:
            FileExists: it was completed or removed meanwhile.
        """
        self._change(if_pending=True, status=self.Status.DELETING, claim_id=uuid.uuid4(), claimed_until=_claim_end())

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

    def wait_for_client(self, seconds: float, **values: Any) -> None:
        """Leave a pending direct upload to its client for so long, counted from now, if it is not completed sooner.

        Raises:
            FileExists: it was completed or removed meanwhile.
        """
        self._change(if_pending=True, claimed_until=timezone.now() + timedelta(seconds=seconds), **values)

    def multipart_began(self, upload_id: str, *, expires_in_seconds: float) -> None:
        """Write down, once, under which id S3 takes the parts, and leave the upload to its client for so long.

        Raises:
            FileExists: another request began it, or removed it.
        """
        values = {
            "multipart_upload_id": upload_id,
            "claimed_until": timezone.now() + timedelta(seconds=expires_in_seconds),
        }
        mine = type(self).objects.filter(pk=self.pk, claim_id=self.claim_id, multipart_upload_id="")
        if not mine.filter(status=self.Status.PENDING).update(**values):
            raise FileExists(BUSY)
        self._take_over(values)

    def completion_keep(self) -> None:
        """Keep a pending direct upload from expiring while it is completed; parts may become an object all that time.

        Raises:
            FileExists: it was completed or removed meanwhile.
        """
        joins = self.strategy == self.Strategy.MULTIPART
        times = {"claimed_until": self.claimed_until, **({"writable_until": self.writable_until} if joins else {})}
        end, half = _claim_end(), timedelta(seconds=conf.claim_seconds / 2)
        if any(until is None or end - until > half for until in times.values()):
            self._change(if_pending=True, **{name: max(until or end, end) for name, until in times.items()})

    def mark_arrived(self, **what_s3_holds: Any) -> None:
        """Say that the bytes of a pending direct upload are in S3, whole; as `mark_stored`, but once.

        Raises:
            FileExists: somebody else did, or removed it.
        """
        self._change(if_pending=True, status=self.Status.STORED, claimed_until=None, **what_s3_holds)

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
        """Remove the record, if it is still this request's; its object is gone or was never made.

        As long as a signed URL may bring the object back, the record stays, as nobody's, for housekeeping to end.
        """
        mine = type(self).objects.filter(pk=self.pk, claim_id=self.claim_id)
        if self.writable_until is None or self.writable_until < timezone.now():
            mine.delete()
            return
        # A transfer that began while the URL worked may end after it.
        end = self.writable_until + timedelta(seconds=conf.claim_seconds)
        self.idempotency_keys.all().delete()
        mine.update(status=self.Status.DELETING, user=None, claimed_until=end)

    def _change(self, *, if_pending: bool = False, **values: Any) -> None:
        mine = type(self).objects.filter(pk=self.pk, claim_id=self.claim_id)
        if not (mine.filter(status=self.Status.PENDING) if if_pending else mine).update(**values):
            raise FileExists(BUSY)
        self._take_over(values)

    def _take_over(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            setattr(self, name, value)


def _claim_end() -> datetime:
    return timezone.now() + timedelta(seconds=conf.claim_seconds)
