"""Recognise the same upload again by its Idempotency-Key, so that a client may repeat a request, also while it runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser

from ...exceptions import ClaimLost, FileExists, QuotaExceeded, UploadInProgress
from ...models import FileUpload, IdempotencyKey
from ...models.idempotency_key import IN_PROGRESS
from ...policy.names import list_spellings
from ..audit.trail import set_event_object
from ..lookup import raise_if_rejected


def upload_repeated(
    *,
    user: AbstractBaseUser,
    idempotency_key: str | None,
    bucket: str,
    file_name: str,
    own_key: bool = False,
    size: int | None = None,
    checksum_sha256: str | None = None,
) -> FileUpload | None:
    """Return the record of an earlier request with the same Idempotency-Key; None if there is no such request or key.

    Args:
        user: the caller.
        idempotency_key: of the request, if it has one.
        bucket: of the file.
        file_name: the object key; with `own_key` the name of the file.
        own_key: the object key contains the id of the record.
        size: in bytes, if it was announced.
        checksum_sha256: of the whole file in lower-case hex, if it was announced.

    Raises:
        IdempotencyKeyReused: the earlier request had another file.
        UploadInProgress: the earlier request has not ended.
        FileRejected: a scanner rejected the file.
    """
    set_event_object(bucket=bucket, file_name=file_name)
    if not idempotency_key:
        return None
    place: dict[str, Any] = {"bucket": bucket, "file_name": file_name, "own_key": own_key}
    is_same = partial(_is_same_file, **place, size=size, checksum_sha256=checksum_sha256)
    used = IdempotencyKey.objects.find_used(user=user, key=idempotency_key, is_same=is_same)
    if used is not None and used.is_in_progress:
        raise UploadInProgress(IN_PROGRESS)
    return raise_if_rejected(used.upload) if used is not None and used.is_answered else None


def upload_answered(**announced: Any) -> FileUpload:
    """Return the record of an earlier request whose Idempotency-Key a claim has met; arguments as `upload_repeated`.

    Raises:
        UploadInProgress: the earlier request has not ended, or has failed at this moment.
        IdempotencyKeyReused, FileRejected: as `upload_repeated`.
    """
    if stored := upload_repeated(**announced):
        return stored
    raise UploadInProgress(IN_PROGRESS)


@contextmanager
def raise_in_progress(user: AbstractBaseUser, idempotency_key: str | None, **announced: Any) -> Iterator[None]:
    """Let the block claim a file; if it fails because the same request was faster, raise that instead.

    Raises:
        UploadInProgress: the other request holds the file or the rest of the quota, or has stored the file.
        IdempotencyKeyReused: the key belongs to another file by now.
    """
    try:
        yield
    except (FileExists, ClaimLost, QuotaExceeded) as error:
        if upload_repeated(user=user, idempotency_key=idempotency_key, **announced):
            raise UploadInProgress(IN_PROGRESS) from error
        raise


def _is_same_file(used: IdempotencyKey, *, size: int | None, checksum_sha256: str | None, **place: Any) -> bool:
    """Compare the place, and the announced bytes unless they are not stored yet or were replaced since."""
    upload = used.upload
    if upload.is_direct or not _is_same_place(upload, **place):
        return False
    if not used.is_answered or upload.write_id != used.claim_id:
        return True
    return size in (None, upload.size) and (not checksum_sha256 or checksum_sha256 == upload.checksum_sha256)


def _is_same_place(upload: FileUpload, *, bucket: str, file_name: str, own_key: bool) -> bool:
    folder = f"{upload.pk}/" if own_key else ""
    key = upload.file_name[upload.file_name.find(folder) :]
    return upload.bucket == bucket and key in [f"{folder}{name}" for name in list_spellings(file_name)]
