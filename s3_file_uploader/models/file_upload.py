"""The record of an upload. No S3 calls: the services bring row and object into agreement.

    (no row) ──claim──> pending ──bytes verified──> stored ──claim──> deleting ──object gone──> (no row)
                         ^   │                      ^    │             ^    └───of an infected file──> rejected
                         │   └─> quarantined ─clean─┘    │             │
                         │          └────────────────────┼─────────────┘
                         └──────claim, to overwrite──────┘   (a quarantined file may be overwritten, too)

`claims.py` says who may change a row, `quarantine.py` what scanners do to one, `direct_upload.py` what else there is to
one whose bytes the client sends to S3 itself.
"""

import uuid
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Self, cast

from django.conf import settings
from django.db import IntegrityError, models, router, transaction
from django.db.models.functions import Coalesce, Greatest
from django.db.models.signals import post_save
from django.utils import timezone
from django.utils.http import content_disposition_header

from ..conf import conf
from ..content_types.sniff import normalize_content_type
from ..exceptions import FileExists
from ..policy.names import name_shown
from ..policy.users import is_staff
from ..values import MAX_CONTENT_TYPE_LENGTH, Usage
from .byte_order import ByteOrder
from .claims import BUSY, Within, claim_end, durable_statement_on, durable_transaction_on
from .direct_upload import DirectUpload
from .user_deletion import on_user_delete


def location_digest(bucket: str, file_name: str) -> str:
    """Return what is unique to an object: short, and exact even where a database compares text loosely."""
    return sha256(f"{bucket}/{file_name}".encode()).hexdigest()


def durable_transaction() -> transaction.Atomic:
    """Return a transaction for records, as `durable_transaction_on`."""
    return durable_transaction_on(FileUpload)


def durable_statement() -> AbstractContextManager[Any]:
    """Return what commits one statement on records, as `durable_statement_on`."""
    return durable_statement_on(FileUpload)


class FileUploadQuerySet(models.QuerySet["FileUpload"]):
    """Queries by meaning."""

    def at(self, *, bucket: str, file_name: str) -> Self:
        """Narrow to the one record of an object."""
        return self.order_by().filter(location_digest=location_digest(bucket, file_name))

    def stored(self) -> Self:
        """Narrow to files whose bytes are in S3, whole, and which may be read."""
        return self.filter(status=FileUpload.Status.STORED)

    def whole(self) -> Self:
        """Narrow to files whose bytes are in S3, whole, in quarantine or not."""
        return self.filter(status__in=FileUpload.WHOLE)

    def to_scan(self) -> Self:
        """Narrow to what waits for the scanners, and is not being scanned."""
        waiting = self.filter(status=FileUpload.Status.QUARANTINED)
        return waiting.filter(models.Q(scan_after=None) | models.Q(scan_after__lte=timezone.now()))

    def abandoned(self) -> Self:
        """Narrow to what a crash left half-way: the claim has run out."""
        return self.exclude(status__in=FileUpload.WHOLE).filter(claimed_until__lt=timezone.now())

    def visible_to(self, user: Any) -> Self:
        """Narrow to what the user may know of: their own, all for staff, or as S3_FILE_UPLOADER_VISIBLE_TO says."""
        if user.pk is None:  # Nobody: not the owner of the records that have lost theirs.
            return self.none()
        narrow = conf.visible_to
        if narrow:
            return cast(Self, narrow(self, user))
        return self if is_staff(user) else self.filter(user_id=user.pk)

    def by_key(self, bucket: str) -> Self:
        """Narrow to the files of a bucket that may be read, in the order of S3, with the object key as `key`."""
        return self.stored().filter(bucket=bucket).annotate(key=ByteOrder("file_name")).order_by("key")

    def with_key(self, **compared: str) -> Self:
        """Narrow what `by_key` gave to keys that are compared so, as bytes: `gt`, `gte`."""
        return self.filter(**{f"key__{lookup}": key for lookup, key in compared.items()})

    def usage(self, *, user_id: Any, bucket: str) -> Usage:
        """Count what a user has in a bucket: all that is there or may come, with the larger of old and new bytes."""
        mine = self.order_by().filter(user_id=user_id, bucket=bucket).exclude(status=FileUpload.Status.REJECTED)
        larger = Greatest(Coalesce("size", 0), Coalesce("incoming_size", 0))
        counted = mine.aggregate(bytes=models.Sum(larger), files=models.Count("pk"))
        return Usage(bytes=int(counted["bytes"] or 0), files=counted["files"])

    def claim_new(self, *, within: Within | None = None, **fields: Any) -> "FileUpload":
        """Insert a pending record, which claims its key.

        Args:
            within: as `FileUpload.insert`.
            fields: of the record.

        Raises:
            FileExists: somebody else has the key; the unique constraint decides, on every database.
        """
        upload = self.pending(claimed_until=claim_end(), **fields)
        try:
            upload.insert(within=within)
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


class FileUpload(DirectUpload):
    """One object in S3 and the user whose upload first claimed its key."""

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
    incoming_size = models.BigIntegerField(
        null=True, editable=False, help_text="Bytes that come through this server: as announced, or so far."
    )
    content_type = models.CharField(max_length=MAX_CONTENT_TYPE_LENGTH)
    checksum_sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    completed_at = models.DateTimeField(null=True)

    objects = FileUploadQuerySet.as_manager()

    class Meta:
        """`stored` means whole, with size, ETag and time, and clean. Listings read their index in order."""

        ordering = ("-created_at", "-id")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(status__in=("pending", "quarantined", "stored", "rejected", "deleting")),
                name="s3_upload_status_known",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=("pending", "deleting"))
                | models.Q(size__isnull=False, size__gte=0, completed_at__isnull=False) & ~models.Q(etag=""),
                name="s3_upload_stored_is_whole",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="stored") | models.Q(needs_scan=False), name="s3_upload_stored_is_clean"
            ),
            models.CheckConstraint(
                condition=~models.Q(status="rejected") | ~models.Q(status_reason=""), name="s3_upload_rejected_says_why"
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
            models.Index("user", "bucket", "status", ByteOrder("file_name"), name="s3_upload_of_user_by_key"),
            models.Index(
                fields=("claimed_until",), condition=models.Q(claimed_until__isnull=False), name="s3_upload_claims"
            ),
        )

    def __str__(self) -> str:
        """Return where it lies."""
        return f"{self.bucket}/{self.file_name}"

    @property
    def was_stored(self) -> bool:
        """Whether there was a whole file under the key before the present claim."""
        return self.completed_at is not None

    @property
    def served_content_type(self) -> str:
        """The type with which the file is given out, whatever the record or S3 has kept of an older one."""
        return normalize_content_type(self.content_type)

    def content_disposition(self, disposition: str) -> str:
        """Return the header that gives the file its original name (RFC 6266): `attachment` or `inline`."""
        return content_disposition_header(disposition == "attachment", name_shown(self.original_name)) or disposition

    def insert(self, *, within: Within | None = None) -> None:
        """Insert the record, for good: S3 may be asked for anything afterwards.

        What a listener of the host raises takes the record back: it would keep its key from everybody, for nothing.

        Args:
            within: takes this record and gives a durable transaction in which something else holds, too.

        Raises:
            IntegrityError: somebody else has the key.
        """
        durably = durable_transaction if post_save.has_listeners(type(self)) else durable_statement
        with within(self) if within else durably():
            self.save(force_insert=True)

    def claim(
        self,
        status: DirectUpload.Status,
        *,
        incoming_size: int | None = None,
        within: Within | None = None,
    ) -> None:
        """Take a whole or abandoned record for this request alone, as `status`: `pending` to write its object.

        Args:
            status: pending or deleting.
            incoming_size: bytes that will come, if somebody announced them.
            within: as `insert`.

        Raises:
            FileExists: another request was faster.
        """
        claim_id = uuid.uuid4()
        # Who writes through this server ends what the client might still send by itself.
        new = {"write_id": claim_id, "strategy": "", "incoming_size": incoming_size}
        written: dict[str, Any] = new if status == "pending" else {}
        self._claim(within=within, status=status, claim_id=claim_id, status_reason="", **written)

    def incoming_count(self, size: int) -> None:
        """Write down how many bytes have come through this server so far.

        Raises:
            FileExists: the claim is lost.
        """
        self._change(incoming_size=size)

    def mark_stored(self, **what_s3_holds: Any) -> None:
        """Say that the bytes are in S3, whole, and end the claim; with scanners, new bytes are in quarantine then.

        Args:
            what_s3_holds: new values of size, etag, content_type, checksum_sha256, completed_at, original_name;
                those left out are as they were. Nothing, if the object is the one from before the claim.

        Raises:
            FileExists: the claim is lost, so the bytes may be another request's by now.
        """
        self._change(incoming_size=None, **self._whole(what_s3_holds))

    def forget(self) -> None:
        """Remove the record, if it is still this request's; its object is gone or was never made.

        While bytes may still come, the record stays, as nobody's, for housekeeping to end. One that is being rejected
        stays as its owner's, to say why.
        """
        # A transfer that began while it was allowed may end after it.
        end = self.writable_until and self.writable_until + timedelta(seconds=conf.claim_seconds)
        late = end if end is not None and end >= timezone.now() else None
        if self.is_being_rejected:
            self._mark_rejected(late)
        elif late is None or self.status == self.Status.REJECTED:
            self._mine().delete()
        else:
            self.idempotency_keys.all().delete()
            self.share_links.all().delete()
            self._mine().update(status=self.Status.DELETING, user=None, claimed_until=late)

    def _mark_rejected(self, late: datetime | None) -> None:
        """Leave the key to others; if bytes may come until `late`, to a record by which housekeeping finds them."""
        nowhere = location_digest("", str(self.pk))  # No bucket is called nothing.
        with transaction.atomic(using=router.db_for_write(type(self))):
            still = models.Q(status=self.Status.DELETING) & ~models.Q(status_reason="")  # Not, if its user was deleted.
            self._change(only_if=still, status=self.Status.REJECTED, location_digest=nowhere, claimed_until=None)
            if late is not None:
                self._late_bytes_expect(late)

    def _late_bytes_expect(self, late: datetime) -> None:
        names = ("bucket", "file_name", "original_name", "content_type", "strategy", "multipart_upload_id", "part_size")
        same = {name: getattr(self, name) for name in (*names, "writable_until")}
        record = type(self).objects.pending(**same, claimed_until=late)
        record.status = self.Status.DELETING
        record.save(force_insert=True)
