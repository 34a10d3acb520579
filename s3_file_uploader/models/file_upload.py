"""The record of an upload. No S3 calls: the services bring record and object into agreement.

    (no row) ──claim──> pending ──bytes verified──> stored ──claim──> deleting ──object gone──> (no row)
                         ^   │                      ^    │             ^    └───of an infected file──> rejected
                         │   └─> quarantined ─clean─┘    │             │
                         │          └────────────────────┼─────────────┘
                         └──────claim, to overwrite──────┘   (a quarantined file may be overwritten, too)

`lease.py` decides which request may change a record, and `transitions.py` has the steps of the drawing.
`direct_transitions.py` adds the steps of a direct upload, in which the client sends the bytes to S3 itself.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.http import content_disposition_header

from ..conf import conf
from ..content_types.sniff import normalize_content_type
from ..policy.names import strip_deceptive_characters
from ..values import CHECKSUMS, CONDITIONAL_WRITES, MAX_CONTENT_TYPE_LENGTH, PAYLOAD_HASH_IN_URLS
from .byte_order import ByteOrder
from .clock import shared_now
from .queries import FileUploadQuerySet
from .readable import Readable
from .user_deletion import on_user_delete


class FileUpload(Readable, models.Model):
    """One object in S3 and the user whose upload first claimed its key."""

    class Status(models.TextChoices):
        """See the drawing above."""

        PENDING = "pending"
        QUARANTINED = "quarantined"
        STORED = "stored"
        REJECTED = "rejected"
        DELETING = "deleting"

    class Strategy(models.TextChoices):
        """How the client of a direct upload sends its bytes to S3; empty if the bytes pass through this server."""

        PUT = "put"
        POST = "post"
        MULTIPART = "multipart"

    # The whole object is in S3, and no request holds a lease on the record.
    WHOLE = (Status.STORED, Status.QUARANTINED)

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
    path = models.CharField(
        max_length=1024,
        default="",
        editable=False,
        help_text="The object key as users see it: without the id of a direct upload.",
    )
    original_name = models.CharField(max_length=1024, help_text="The name on the device that sent it.")
    size = models.BigIntegerField(null=True, help_text="Bytes; of a direct upload that is pending, as announced.")
    incoming_size = models.BigIntegerField(
        null=True, editable=False, help_text="Bytes of an upload through this server: as announced, or received so far."
    )
    content_type = models.CharField(max_length=MAX_CONTENT_TYPE_LENGTH)
    checksum_sha256 = models.CharField(max_length=64, blank=True)
    etag = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    completed_at = models.DateTimeField(null=True)
    # The lease: `claim_id` names the request that holds it, `write_id` the claim under which the object was written.
    status = models.CharField(max_length=11, choices=Status.choices)
    claim_id = models.UUIDField(default=uuid.uuid4, editable=False)
    write_id = models.UUIDField(default=uuid.uuid4, editable=False)
    claimed_until = models.DateTimeField(null=True, editable=False)
    # The scan: `needs_scan` belongs to the object, so it outlasts a claim that has not changed the object.
    needs_scan = models.BooleanField(default=False, editable=False)
    scan_after = models.DateTimeField(null=True, editable=False, help_text="No other scan starts before this time.")
    status_reason = models.TextField(blank=True, help_text="Why it was rejected, or what keeps it in quarantine.")
    # The direct upload: an object may appear until `writable_until`, by a signed URL or by S3 joining the parts.
    strategy = models.CharField(max_length=9, choices=Strategy.choices, blank=True)
    multipart_upload_id = models.CharField(max_length=1024, blank=True, editable=False, help_text="As S3 named it.")
    part_size = models.BigIntegerField(null=True, editable=False, help_text="Bytes of every part but the last.")
    writable_until = models.DateTimeField(null=True, editable=False)
    # A field of the host refers to the file: it can be neither removed nor replaced until the field lets go.
    attached_at = models.DateTimeField(null=True, editable=False)
    # Another program stored the object, and a comparison gave it this record. It never expires.
    adopted_at = models.DateTimeField(null=True, editable=False)

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
        # Each filter of a listing has an index in the listing's order, so that the database sorts nothing.
        indexes = (
            models.Index(fields=("user", "-created_at", "-id"), name="s3_upload_of_user"),
            # The last three make it cover sums, which then read no row of the table.
            models.Index(
                fields=("user", "bucket", "-created_at", "-id", "status", "size", "incoming_size"),
                name="s3_upload_of_user_in_bucket",
            ),
            models.Index(fields=("user", "status", "-created_at", "-id"), name="s3_upload_of_user_by_status"),
            models.Index(fields=("user", "content_type", "-created_at", "-id"), name="s3_upload_of_user_by_type"),
            models.Index(fields=("-created_at", "-id"), name="s3_upload_newest"),
            models.Index(fields=("bucket", "-created_at", "-id"), name="s3_upload_in_bucket"),
            models.Index(fields=("status", "-created_at", "-id"), name="s3_upload_by_status"),
            models.Index(fields=("content_type", "-created_at", "-id"), name="s3_upload_by_type"),
            models.Index("user", "bucket", "status", ByteOrder("file_name"), name="s3_upload_of_user_by_key"),
            models.Index("user", "bucket", ByteOrder("path"), "id", name="s3_upload_of_user_by_path"),
            models.Index("bucket", ByteOrder("path"), "id", name="s3_upload_by_path"),
            models.Index(
                fields=("claimed_until",), condition=models.Q(claimed_until__isnull=False), name="s3_upload_claims"
            ),
        )

    def __str__(self) -> str:
        """Return the object's place."""
        return f"{self.bucket}/{self.file_name}"

    @property
    def s3_address(self) -> dict[str, Any]:
        """Return bucket and key as the arguments that the functions of `s3` take."""
        return {"bucket": self.bucket, "key": self.file_name}

    @property
    def was_stored(self) -> bool:
        """Return True if the key held a whole file before the present claim."""
        return self.completed_at is not None

    @property
    def is_abandoned(self) -> bool:
        """Return True if the lease has expired on an unfinished record."""
        return self.claimed_until is not None and self.claimed_until < shared_now()

    @property
    def is_being_rejected(self) -> bool:
        """Return True if a scanner condemned the file: its object is being removed, and the record will stay."""
        return self.status == self.Status.DELETING and bool(self.status_reason)

    @property
    def is_to_scan(self) -> bool:
        """Return True if the file waits for a scan and, as far as this process knows, none is running."""
        return self.status == self.Status.QUARANTINED and (self.scan_after is None or self.scan_after <= shared_now())

    @property
    def served_content_type(self) -> str:
        """Return the MIME type with which the file is served, even if an older record holds an unsafe one."""
        return normalize_content_type(self.content_type)

    def content_disposition(self, disposition: str) -> str:
        """Return the header that gives the file its original name (RFC 6266): `attachment` or `inline`."""
        return (
            content_disposition_header(disposition == "attachment", strip_deceptive_characters(self.original_name))
            or disposition
        )

    # --- direct uploads ---

    @property
    def is_direct(self) -> bool:
        """Return True if the client sends the bytes to S3 itself; then no other upload writes under the key."""
        return bool(self.strategy)

    @property
    def may_become_an_object(self) -> bool:
        """Return True if a signed URL, or S3 joining the parts, may bring an object under the key at this moment."""
        return self.writable_until is not None and self.writable_until > shared_now()

    @property
    def rewritable_until(self) -> datetime | None:
        """Return until when the client may replace the completed bytes; None if it cannot any more.

        Parts cannot be sent once they are joined. A store with conditional writes or checksums refuses other bytes.
        Elsewhere URLs and forms work until they expire, and a transfer that began before may end after that.
        """
        if self.writable_until is None or self.strategy == self.Strategy.MULTIPART or self._is_guarded:
            return None
        end = self.writable_until + timedelta(seconds=conf.claim_seconds)
        return end if end > shared_now() else None

    @property
    def _is_guarded(self) -> bool:
        """Return True if the store refuses other bytes than the completed ones, though a URL or form still works."""
        is_put = self.strategy == self.Strategy.PUT
        if is_put and conf.store_can(CONDITIONAL_WRITES):
            return True
        compares = conf.store_can(CHECKSUMS) or (is_put and conf.store_can(PAYLOAD_HASH_IN_URLS))
        return bool(self.checksum_sha256) and compares
