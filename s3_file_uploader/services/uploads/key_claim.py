"""Claim a key for an upload through this server: a free key, one of its own, or the owner's own file to replace."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser

from ...exceptions import FileExists, InvalidFileName
from ...models import BUSY, FileUpload, Within, durable_transaction
from ...models.lease import claim_record, create_claimed
from ...policy.bucket_policy import Policy
from ...s3.objects import find_object
from ..plan import is_direct_key
from ..quota import reserve_quota
from ..recovery import upload_settle


def claim_key(
    policy: Policy,
    owner: AbstractBaseUser,
    *,
    bucket: str,
    file_name: str,
    size: int | None,
    overwrite: bool,
    described: dict[str, Any],
    also: Callable[[FileUpload], None] | None = None,
) -> FileUpload:
    """Return a pending record that claims the key: a new record, or the owner's own to be replaced.

    Args:
        policy: of the owner.
        owner: owner of the file.
        bucket: name of the bucket.
        file_name: the object key.
        size: announced bytes, if known.
        overwrite: replace the owner's own file.
        described: further values of a new record.
        also: called with the claimed record, in the transaction that claims it.

    Raises:
        InvalidFileName: the key lies in the folder of a direct upload.
        FileExists: the key is taken.
        ClaimLost: another request took the owner's file at the same time.
        QuotaExceeded: the file would exceed the owner's quota.
        StorageProblem: a record that a crash left under the key could not be recovered.
    """
    within = _combine(reserve_quota(policy, size), also)
    records = FileUpload.objects.at(bucket=bucket, file_name=file_name)
    upload = records.first()
    if upload and upload.is_abandoned:
        upload_settle(upload=upload)
        upload = records.first()
    if upload is None:
        if is_direct_key(file_name):
            raise InvalidFileName("The folders of direct uploads take no other files: choose another name.")
        return create_claimed(
            within=within, user_id=owner.pk, bucket=bucket, file_name=file_name, incoming_size=size, **described
        )
    _validate_replaceable(policy, owner, upload, overwrite=overwrite)
    claim_record(upload, FileUpload.Status.PENDING, incoming_size=size, within=within)
    return upload


def claim_own_key(
    policy: Policy,
    owner: AbstractBaseUser,
    *,
    upload_id: UUID,
    bucket: str,
    file_name: str,
    size: int | None,
    described: dict[str, Any],
    also: Callable[[FileUpload], None] | None = None,
) -> FileUpload:
    """Return a pending record under a key that contains its id, so that nothing else can have the key.

    The other arguments are those of `claim_key`.

    Raises:
        QuotaExceeded: the file would exceed the owner's quota.
    """
    within = _combine(reserve_quota(policy, size), also)
    where = {"bucket": bucket, "file_name": file_name}
    return create_claimed(within=within, id=upload_id, user_id=owner.pk, **where, incoming_size=size, **described)


def _combine(quota: Within | None, also: Callable[[FileUpload], None] | None) -> Within | None:
    if also is None:
        return quota

    @contextmanager
    def both(upload: FileUpload) -> Iterator[None]:
        with quota(upload) if quota else durable_transaction():
            yield
            also(upload)

    return both


def _validate_replaceable(policy: Policy, owner: AbstractBaseUser, upload: FileUpload, *, overwrite: bool) -> None:
    if upload.status not in FileUpload.WHOLE:
        raise FileExists(BUSY)
    if upload.user_id is None or upload.user_id != owner.pk:
        raise FileExists("A file of that name is there already: choose another name.")
    if not policy.may_overwrite:
        raise FileExists(
            "You have a file of that name already, and none can be replaced here: choose another name.",
            limit={"may_overwrite": False},
        )
    if not overwrite:
        raise FileExists(
            "You have a file of that name already: choose another, or send overwrite=true, in a form before the file."
        )


def validate_key_is_free(upload: FileUpload) -> None:
    """Pass if S3 has no object under the key of a new record.

    Raises:
        FileExists: it has one.
        StorageProblem: S3 could not answer.
    """
    if find_object(**upload.s3_address) is not None:
        raise FileExists("Something that was not uploaded here lies under that name: choose another name.")
