"""What a record has besides where the client sends the bytes to S3 itself.

Such a record is pending until it is completed or expires; its claim ends then. Its key is its own, so whatever lies
there is of that upload. `writable_until` says until when something may still appear there: by a signed URL, or by S3
joining the parts, which one request at a time has it do. Where the record should go before, it stays as nobody's,
`deleting`, until some time after, when housekeeping looks once more.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from ..conf import conf
from ..exceptions import FileExists
from ..values import CHECKSUMS, CONDITIONAL_WRITES, PAYLOAD_HASH_IN_URLS
from .claims import BUSY, Claimed, claim_end
from .quarantine import Quarantine

PENDING = models.Q(status=Claimed.Status.PENDING)


def _not_joining() -> models.Q:
    """Narrow to uploads in parts that S3 is not being asked to join."""
    return models.Q(writable_until=None) | models.Q(writable_until__lte=timezone.now())


class DirectUpload(Quarantine):
    """How and until when the client may send, and the steps of such an upload; several requests may be at it at once.

    Each step is taken only while the record is pending, under the claim that it had from the beginning.
    """

    class Strategy(models.TextChoices):
        """How the client of a direct upload sends its bytes to S3; empty where they come through this server."""

        PUT = "put"
        POST = "post"
        MULTIPART = "multipart"

    strategy = models.CharField(max_length=9, choices=Strategy.choices, blank=True)
    multipart_upload_id = models.CharField(max_length=1024, blank=True, editable=False, help_text="As S3 named it.")
    part_size = models.BigIntegerField(null=True, editable=False, help_text="Bytes of every part but the last.")
    writable_until = models.DateTimeField(null=True, editable=False)
    # Fields of `FileUpload`.
    created_at: "models.DateTimeField[datetime, datetime]"
    checksum_sha256: "models.CharField[str, str]"

    class Meta:
        """A part of `FileUpload`."""

        abstract = True

    @property
    def is_direct(self) -> bool:
        """Whether the client sends the bytes to S3 itself; then nobody else writes under the key."""
        return bool(self.strategy)

    @property
    def may_become_an_object(self) -> bool:
        """Whether a signed URL, or a completion, may bring an object under the key at this moment."""
        return self.writable_until is not None and self.writable_until > timezone.now()

    @property
    def rewritable_until(self) -> datetime | None:
        """Until when the client may bring other bytes under the key than were completed, None if it cannot any more.

        Parts cannot be sent once they are joined; a store with the abilities takes a PUT once, or compares the bytes
        with their SHA-256. Other URLs and forms work until they expire, and what began before may end after that.
        """
        if self.writable_until is None or self.strategy == self.Strategy.MULTIPART or self._is_guarded:
            return None
        end = self.writable_until + timedelta(seconds=conf.claim_seconds)
        return end if end > timezone.now() else None

    @property
    def _is_guarded(self) -> bool:
        """Whether the store refuses other bytes than those that were completed, though a URL or form still works."""
        is_put = self.strategy == self.Strategy.PUT
        if is_put and conf.store_can(CONDITIONAL_WRITES):
            return True
        compares = conf.store_can(CHECKSUMS) or (is_put and conf.store_can(PAYLOAD_HASH_IN_URLS))
        return bool(self.checksum_sha256) and compares

    def wait_for_client(self, seconds: float, **values: Any) -> None:
        """Leave the upload to its client for so long, counted from now, if it is not completed sooner.

        Raises:
            FileExists: it was completed or removed meanwhile, or began too long ago.
        """
        end = self.client_end(seconds)
        self._change(only_if=PENDING, claimed_until=max(self.claimed_until or end, end), **values)

    def client_end(self, seconds: float) -> datetime:
        """Return when the time of the client ends, if it is given so many seconds from now.

        Raises:
            FileExists: S3_FILE_UPLOADER_DIRECT_MAX_SECONDS is over.
        """
        now, last = timezone.now(), self.created_at + timedelta(seconds=conf.direct_max_seconds)
        if last <= now:
            raise FileExists(BUSY)
        return min(now + timedelta(seconds=seconds), last)

    def multipart_began(self, upload_id: str, *, expires_in_seconds: float) -> None:
        """Write down, once, under which id S3 takes the parts, and leave the upload to its client for so long.

        Raises:
            FileExists: another request began it, or removed it.
        """
        end = self.client_end(expires_in_seconds)
        not_begun = PENDING & models.Q(multipart_upload_id="")
        self._change(only_if=not_begun, multipart_upload_id=upload_id, claimed_until=end)

    def multipart_refused(self) -> None:
        """Remove the record of an upload that S3 refused to begin; unless another request began it."""
        self._mine().filter(PENDING, multipart_upload_id="").delete()

    def completion_keep(self) -> None:
        """Keep the upload from expiring while it is completed.

        Raises:
            FileExists: it was completed or removed meanwhile.
        """
        end = claim_end()
        if self.claimed_until is None or end - self.claimed_until > timedelta(seconds=conf.claim_seconds / 2):
            self._change(only_if=PENDING, claimed_until=end)

    def joining_begin(self) -> bool:
        """Take it upon this request alone to have S3 make the file of its parts; tell whether no other is at it.

        A store that joins them twice at the same time may lose the file: the JuiceFS gateway does.

        Raises:
            FileExists: it was completed or removed meanwhile.
        """
        end = claim_end()
        times = {"writable_until": end, "claimed_until": max(self.claimed_until or end, end)}
        try:
            self._change(only_if=PENDING & _not_joining(), **times)
        except FileExists:
            self.look_again()
            return False
        return True

    def joining_end(self, seconds: float) -> None:
        """Let others join the parts from `seconds` on.

        Raises:
            FileExists: it was completed or removed meanwhile.
        """
        still_mine = PENDING & models.Q(writable_until=self.writable_until)
        self._change(only_if=still_mine, writable_until=timezone.now() + timedelta(seconds=seconds))

    def look_again(self) -> None:
        """Read what other requests have written of the times of this upload.

        Raises:
            FileExists: it was completed or removed meanwhile.
        """
        times = self._mine().filter(PENDING).values("claimed_until", "writable_until").first()
        if times is None:
            raise FileExists(BUSY)
        self._take_over(times)

    def mark_arrived(self, **what_s3_holds: Any) -> None:
        """Say that the bytes are in S3, whole; as `mark_stored`, but once.

        Raises:
            FileExists: somebody else did, or removed it.
        """
        self._change(only_if=PENDING, incoming_size=None, **self._whole(what_s3_holds))

    def claim_from_client(self, *, unless_joining: bool = False) -> bool:
        """Take the upload away from its client, to remove it; tell whether that was done.

        Args:
            unless_joining: leave it, if S3 is being asked to join its parts.

        Raises:
            FileExists: it was completed or removed meanwhile.
        """
        waits = unless_joining and self.strategy == self.Strategy.MULTIPART
        free = PENDING & _not_joining() if waits else PENDING
        try:
            self._change(only_if=free, status=self.Status.DELETING, claim_id=uuid.uuid4(), claimed_until=claim_end())
        except FileExists:
            self.look_again()
            return False
        self.refresh_from_db()  # What was written under the claim before, since this record was read.
        return True

    def claim_to_settle(self) -> None:
        """Take an abandoned record; from a client in the same step, or it could still complete what is being removed.

        Raises:
            FileExists: another request was faster.
        """
        if not (self.is_direct and self.status == self.Status.PENDING):
            super().claim_to_settle()
            return
        expired = PENDING & models.Q(claimed_until__lt=timezone.now())
        self._claim(only_if=expired, status=self.Status.DELETING, claim_id=uuid.uuid4())
        self.refresh_from_db()  # What was written under the claim before, since this record was read.

    def late_parts_expect(self) -> None:
        """Look once more later: S3 may keep a part that was on its way when its upload was aborted.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html

        Raises:
            FileExists: the claim is lost.
        """
        if self.multipart_upload_id:
            now = timezone.now()
            self._change(writable_until=max(self.writable_until or now, now))
