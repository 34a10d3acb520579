"""Who may write under a key through this server: whoever has it, or comes first to one that nobody has."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser

from ...exceptions import FileExists, FileNotFound, InvalidFileName
from ...models import BUSY, FileUpload, Within, durable_transaction
from ...policy.bucket_policy import Policy
from ...s3.objects import object_head
from ..limits import reserve_quota
from ..plan import is_direct_key
from ..recovery import upload_settle


def key_claim(
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
    """Return a pending record that holds the key: a new one, or the owner's own that is to be replaced.

    Args:
        policy: of the owner.
        owner: whose file it becomes.
        bucket: where it will lie.
        file_name: the object key.
        size: in bytes, if it was announced.
        overwrite: replace the owner's own file.
        described: what a new record says of the file.
        also: called with the claimed record, in the transaction that claims it.

    Raises:
        InvalidFileName: the key lies in the folder of a direct upload.
        FileExists: somebody has the key.
        QuotaExceeded: the owner has no room for it.
        StorageProblem: what a crash left under the key could not be settled.
    """
    within = _within(reserve_quota(policy, size), also)
    there = FileUpload.objects.at(bucket=bucket, file_name=file_name)
    upload = there.first()
    if upload and upload.is_abandoned:
        upload_settle(upload=upload)
        upload = there.first()
    if upload is None:
        _free_check(file_name)
        return FileUpload.objects.claim_new(
            within=within, user_id=owner.pk, bucket=bucket, file_name=file_name, incoming_size=size, **described
        )
    _replaceable_check(policy, owner, upload, overwrite=overwrite)
    upload.claim(FileUpload.Status.PENDING, incoming_size=size, within=within)
    return upload


def _free_check(file_name: str) -> None:
    """Pass if a new key lies outside the folders of direct uploads, in each of which one client's file lies."""
    if is_direct_key(file_name):
        raise InvalidFileName("The folders of direct uploads take no other files: choose another name.")


def _within(quota: Within | None, also: Callable[[FileUpload], None] | None) -> Within | None:
    if also is None:
        return quota

    @contextmanager
    def both(upload: FileUpload) -> Iterator[None]:
        with quota(upload) if quota else durable_transaction():
            yield
            also(upload)

    return both


def _replaceable_check(policy: Policy, owner: AbstractBaseUser, upload: FileUpload, *, overwrite: bool) -> None:
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


def nothing_there_check(upload: FileUpload) -> None:
    """Pass if no object lies under the key of a new record.

    Raises:
        FileExists: one does.
        StorageProblem: S3 could not tell.
    """
    try:
        object_head(bucket=upload.bucket, key=upload.file_name)
    except FileNotFound:
        return
    raise FileExists("Something that was not uploaded here lies under that name: choose another name.")
