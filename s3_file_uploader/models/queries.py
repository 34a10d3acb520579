"""The queries of upload records, named by their meaning."""

from collections.abc import Iterator
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Self, cast

from django.db import models
from django.db.models.functions import Coalesce, Greatest
from django.utils.module_loading import import_string

from ..conf import conf
from ..policy.users import is_staff
from ..values import Usage
from .byte_order import ByteOrder
from .clock import shared_now

if TYPE_CHECKING:
    from .file_upload import FileUpload

BATCH = 500


def location_digest(bucket: str, file_name: str) -> str:
    """Return the unique digest of an object's place: short, and exact even if a database compares text loosely."""
    return sha256(f"{bucket}/{file_name}".encode()).hexdigest()


class FileUploadQuerySet(models.QuerySet["FileUpload"]):
    """Queries by meaning."""

    def at(self, *, bucket: str, file_name: str) -> Self:
        """Narrow to the one record of an object."""
        return self.order_by().filter(location_digest=location_digest(bucket, file_name))

    def stored(self) -> Self:
        """Narrow to files that are whole in S3 and may be read."""
        return self.filter(status=self.model.Status.STORED)

    def whole(self) -> Self:
        """Narrow to files that are whole in S3, in quarantine or not."""
        return self.filter(status__in=self.model.WHOLE)

    def unattached(self) -> Self:
        """Narrow to files that no field of the host refers to."""
        return self.filter(attached_at=None)

    def to_scan(self) -> Self:
        """Narrow to quarantined files that no process is scanning."""
        is_free = models.Q(scan_after=None) | models.Q(scan_after__lte=shared_now())
        return self.filter(is_free, status=self.model.Status.QUARANTINED)

    def abandoned(self) -> Self:
        """Narrow to unfinished records whose lease has expired."""
        return self.exclude(status__in=self.model.WHOLE).filter(claimed_until__lt=shared_now())

    def visible_to(self, user: Any) -> Self:
        """Narrow to the records that the user may see: their own, all for staff, or as S3_FILE_UPLOADER_VISIBLE_TO."""
        if user.pk is None:  # An anonymous user does not own the records that have lost their owner.
            return self.none()
        if conf.visible_to_path:
            return cast(Self, import_string(conf.visible_to_path)(self, user))
        return self if is_staff(user) else self.filter(user_id=user.pk)

    def by_key(self, bucket: str) -> Self:
        """Narrow to the readable files of a bucket, in S3's order, with the object key as `key`."""
        return self.stored().filter(bucket=bucket).annotate(key=ByteOrder("file_name")).order_by("key")

    def by_path(self, bucket: str) -> Self:
        """Narrow to the files of a bucket that have a final status, in the order of paths, with the path as `key`."""
        unfinished = (self.model.Status.PENDING, self.model.Status.DELETING)
        paths = self.filter(bucket=bucket).exclude(status__in=unfinished).annotate(key=ByteOrder("path"))
        return paths.order_by("key", "pk")

    def from_key(self, key: str) -> Self:
        """Narrow the result of `by_key` or `by_path` to this key and later ones, compared as bytes."""
        return self.filter(key__gte=key)

    def behind(self, key: str, pk: Any) -> Self:
        """Narrow the result of `by_key` or `by_path` to the records after this one."""
        return self.from_key(key).filter(models.Q(key__gt=key) | models.Q(pk__gt=pk))

    def usage(self, *, user_id: Any, bucket: str) -> Usage:
        """Count a user's files and bytes in a bucket, unfinished uploads included; a rewrite counts its larger size."""
        owned = self.order_by().filter(user_id=user_id, bucket=bucket).exclude(status=self.model.Status.REJECTED)
        larger = Greatest(Coalesce("size", 0), Coalesce("incoming_size", 0))
        counted = owned.aggregate(bytes=models.Sum(larger), files=models.Count("pk"))
        return Usage(bytes=int(counted["bytes"] or 0), files=counted["files"])

    def each_once(self) -> Iterator["FileUpload"]:
        """Yield each record once, in the order of ids and in batches, even if a record still matches afterwards."""
        ordered = self.order_by("pk")
        batch = list(ordered[:BATCH])
        while batch:
            yield from batch
            batch = list(ordered.filter(pk__gt=batch[-1].pk)[:BATCH])
