"""Keep each owner within the quota of a bucket.

    before     the announced size           reserve_quota, around the statement that writes the record
    during     bytes so far                 Intake, for uploads through this server; part_totals.py for direct ones
    after      a size that was unknown      reserve_quota again

Every record of the owner in the bucket counts for the quota. A stored file counts with its size; an upload with its
announced size, or else with the bytes so far; an upload that replaces a file with the larger of both sizes. Each
addition is checked under a lock of the owner, in its own transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from django.contrib.auth.base_user import AbstractBaseUser

from ..conf import conf
from ..exceptions import QuotaExceeded
from ..models import FileUpload, UsageLock, Within, durable_transaction
from ..models.transitions import count_incoming
from ..policy.bucket_policy import Policy, get_policy
from ..policy.names import validate_bucket_name
from ..policy.users import validate_bucket_access
from ..values import MAX_PUT_BYTES, Usage
from .limits import get_upload_policy, validate_size


def usage_find(*, user: AbstractBaseUser, owner: AbstractBaseUser, bucket: str) -> tuple[Usage, Policy]:
    """Return the usage of a bucket by a user, counted as for the quota, and the policy for their files there.

    Args:
        user: the caller.
        owner: the owner of the files; another user only if `user` is staff.
        bucket: its name; S3 is not asked whether it exists.

    Raises:
        InvalidBucketName, BucketNotAllowed: the user may not use it.
    """
    validate_bucket_name(bucket)
    validate_bucket_access(user, bucket)
    return FileUpload.objects.usage(user_id=owner.pk, bucket=bucket), get_policy(owner, bucket)


def reserve_quota(policy: Policy, size: int | None) -> Within | None:
    """Return a context manager that opens a durable transaction in which a record may grow to `size` bytes.

    It locks the usage of the owner. Without a quota, return None and make no query.

    Args:
        policy: of the owner.
        size: in bytes; if it is unknown, one byte must fit.

    Raises:
        QuotaExceeded: on entry; nothing was written.
    """
    return partial(hold_quota, policy, 1 if size is None else size) if policy.has_quota else None


@contextmanager
def hold_quota(policy: Policy, size: int, upload: FileUpload) -> Iterator[int | None]:
    """Open a durable transaction, as `reserve_quota`; yield the number of bytes to which the record may grow."""
    with durable_transaction():
        UsageLock.objects.take(upload.user_id)
        yield validate_room(policy, upload, size)


def validate_room(policy: Policy, upload: FileUpload, size: int) -> int | None:
    """Return the number of bytes to which the record may grow, None without a quota of bytes.

    Raises:
        QuotaExceeded: it may not grow to `size` bytes.
    """
    others, is_new = _count_others(upload), upload._state.adding
    if policy.quota_files is not None and is_new and others.files >= policy.quota_files:
        raise QuotaExceeded(
            f"You have {others.files} of {policy.quota_files} files in this bucket, unfinished ones included: "
            "remove one.",
            limit={"quota_files": policy.quota_files, "files": others.files},
        )
    held = 0 if is_new else upload.size or 0
    if policy.quota_bytes is not None and size > held and others.bytes + size > policy.quota_bytes:
        raise QuotaExceeded(
            f"You have {others.bytes + held} of {policy.quota_bytes} bytes in this bucket, unfinished uploads "
            "included: remove some files, or send a smaller one.",
            limit={"quota_bytes": policy.quota_bytes, "bytes": others.bytes + held},
        )
    return None if policy.quota_bytes is None else policy.quota_bytes - others.bytes


class Intake:
    """Check the bytes of one upload through this server against the policy, while they arrive."""

    def __init__(self, policy: Policy, upload: FileUpload, size: int | None) -> None:
        """Start with no bytes; the announced `size` is counted already."""
        self._policy, self._upload = policy, upload
        self._counted, self._room = size or 0, 0

    def comes(self, size: int) -> None:
        """Pass if so many bytes, in all so far, may come; they are counted now and then, and if they may not.

        Raises:
            FileTooLarge, QuotaExceeded: they may not.
            ClaimLost: the claim is lost.
        """
        validate_size(self._policy, size)
        if size > self._room or size - self._counted >= conf.part_size_bytes:
            self.ends(size)

    def ends(self, size: int) -> None:
        """Pass if so many bytes may stay; all are counted.

        Raises:
            QuotaExceeded: they may not.
            ClaimLost: the claim is lost.
        """
        if self._policy.quota_bytes is None or size <= self._counted:
            return
        with hold_quota(self._policy, size, self._upload) as room:
            count_incoming(self._upload, size)
        self._counted, self._room = size, room or 0


def get_unannounced_max_bytes(upload: FileUpload) -> int:
    """Return the maximum size of a direct upload in one request, whose size was not announced."""
    policy = get_upload_policy(upload)
    room = None if policy.quota_bytes is None else max(0, policy.quota_bytes - _count_others(upload).bytes)
    return min(limit for limit in (MAX_PUT_BYTES, policy.max_file_bytes, room) if limit is not None)


def _count_others(upload: FileUpload) -> Usage:
    others = FileUpload.objects.exclude(pk=upload.pk)
    return others.usage(user_id=upload.user_id, bucket=upload.bucket)
