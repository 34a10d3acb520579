"""Start a direct upload: insert a pending record, and sign instructions for the client to send the bytes to S3.

    upload_start ──URLs──> client ──bytes──> S3        parts.py signs more part URLs, as often as the client asks
         │                    └──"complete"──> complete.py asks S3 what arrived, and only then marks it `stored`
      pending

An upload in one request needs no call to S3 beforehand; an upload in parts needs one, to begin it there.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/PresignedUrlUploadObject.html
"""

import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError
from django.utils import timezone

from ...conf import conf
from ...content_types.sniff import normalize_content_type
from ...exceptions import QuotaExceeded, UploadNotPending
from ...models import FileUpload, IdempotencyKey, Within, durable_transaction
from ...models.clock import shared_now
from ...models.lease import build_pending, insert_upload
from ...policy.bucket_policy import Policy, get_policy
from ...policy.names import validate_bucket_name
from ...policy.users import validate_bucket_access
from ...s3 import presign
from ...s3.client import require_bucket
from ...values import Transfer
from ..audit.operation import Operation
from ..audit.trail import set_event_object
from ..limits import validate_upload
from ..plan import build_direct_key, choose_part_size, choose_strategy
from ..quota import reserve_quota
from .instructions import build_form_fields, sign_transfer
from .parts import NO_LONGER_PENDING


@dataclass(frozen=True, slots=True)
class StartedUpload:
    """The record, the client's instructions, and whether an earlier request with the same key started the upload.

    `transfer` is None if the upload was completed since, so that there is nothing to send.
    """

    upload: FileUpload
    transfer: Transfer | None
    is_repeated: bool = False


def upload_start(
    *,
    user: AbstractBaseUser,
    owner: AbstractBaseUser,
    bucket: str,
    file_name: str,
    content_type: str,
    size: int | None = None,
    checksum_sha256: str | None = None,
    strategy: str = "auto",
    idempotency_key: str | None = None,
    upload_id: uuid.UUID | None = None,
) -> StartedUpload:
    """Start a direct upload under a unique key: `<the owner's prefix><prefix><id>/<file name>`.

    Args:
        user: who asks.
        owner: owner of the file; another user only if `user` is staff.
        bucket: must exist and be open to the user.
        file_name: the name on the device; kept as `original_name`.
        content_type: the MIME type; essence and charset are kept, and S3 takes no other.
        size: in bytes, 0 to `conf.max_object_bytes`; None if the client does not know it.
        checksum_sha256: of the whole file in lower-case hex; compared before the record becomes `stored`.
        strategy: auto, put, post or multipart.
        idempotency_key: repeated by the same user, it returns the same record with new instructions.
        upload_id: id of the record, if the client knows its key already; a new id by default.

    Raises:
        InvalidBucketName, InvalidFileName, InvalidField, BucketNotAllowed, BucketNotFound, FileTooLarge,
            ContentTypeNotAllowed, QuotaExceeded: nothing was started.
        IdempotencyKeyReused: the user sent the key with another file.
        UploadNotPending: the upload that the key started is being removed.
        StorageProblem: nothing lasting was started; the same key tries again.
    """
    set_event_object(bucket=bucket, file_name=file_name)
    validate_bucket_name(bucket)
    validate_bucket_access(user, bucket)
    policy, content_type = get_policy(owner, bucket), normalize_content_type(content_type)
    validate_upload(policy, names=(file_name,), content_type=content_type, size=size)
    upload = _build_record(
        policy,
        id=upload_id or uuid.uuid4(),
        user_id=owner.pk,
        bucket=bucket,
        original_name=file_name,
        content_type=content_type,
        size=size,
        checksum_sha256=checksum_sha256 or "",
        strategy=choose_strategy(size=size, wish=strategy, with_checksum=bool(checksum_sha256)),
    )
    with Operation("upload_start", user=user, bucket=bucket, file_name=upload.file_name, size=size) as operation:
        require_bucket(bucket)
        started = _insert(upload, user, idempotency_key, reserve_quota(policy, size))
        operation.file_name, operation.object_id = started.file_name, started.pk
        return _sign(started, is_repeated=started is not upload)


def upload_key(*, owner: AbstractBaseUser, bucket: str, upload_id: uuid.UUID, file_name: str) -> str:
    """Return a key that is unique to the upload and ends in the file name, for people to read.

    Raises:
        InvalidFileName: the name cannot be the end of a key.
    """
    return build_direct_key(get_policy(owner, bucket), upload_id, file_name)


def _build_record(policy: Policy, *, strategy: str, **fields: Any) -> FileUpload:
    """Return the record, not yet in the database."""
    upload = build_pending(
        file_name=build_direct_key(policy, fields["id"], fields["original_name"]),
        strategy=strategy,
        part_size=choose_part_size(fields["size"]) if strategy == FileUpload.Strategy.MULTIPART else None,
        **_choose_times(strategy),
        **fields,
    )
    if strategy == FileUpload.Strategy.POST:
        presign.validate_form(key=upload.file_name, fields=build_form_fields(upload))
    return upload


def _choose_times(strategy: str) -> dict[str, Any]:
    now = shared_now()
    if strategy == FileUpload.Strategy.MULTIPART:  # Short: the client cannot send anything before S3 has begun it.
        return {"claimed_until": now + timedelta(seconds=conf.claim_seconds)}
    return {
        "claimed_until": now + timedelta(seconds=conf.direct_expiration_seconds),
        # S3 compares the URL with the time of this host.
        "writable_until": timezone.now() + timedelta(seconds=conf.direct_url_expiration_seconds),
    }


def _sign(upload: FileUpload, *, is_repeated: bool) -> StartedUpload:
    with suppress(UploadNotPending):  # Another request may complete it first.
        if upload.status == FileUpload.Status.PENDING:
            return StartedUpload(upload, sign_transfer(upload), is_repeated)
    whole = FileUpload.objects.whole().filter(pk=upload.pk).first()
    if whole is None:
        raise UploadNotPending(NO_LONGER_PENDING)
    return StartedUpload(whole, None, is_repeated)


# --- the same request again ------------------------------------------------------------------------------------------


def _insert(
    upload: FileUpload, user: AbstractBaseUser, idempotency_key: str | None, within: Within | None
) -> FileUpload:
    """Insert the record and its key in one transaction, or return the upload that the key stands for already."""
    if not idempotency_key:
        insert_upload(upload, within=within)
        return upload
    if earlier := _find_repeated(upload, user, idempotency_key):
        return earlier
    try:
        with within(upload) if within else durable_transaction():
            upload.save(force_insert=True)
            IdempotencyKey.objects.write_answered(user=user, key=idempotency_key, upload=upload)
    except (IntegrityError, QuotaExceeded):  # Another copy of the request may have been faster.
        earlier = _find_repeated(upload, user, idempotency_key)
        if earlier is None:
            raise
        return earlier
    return upload


def _find_repeated(upload: FileUpload, user: AbstractBaseUser, idempotency_key: str) -> FileUpload | None:
    is_same = partial(_is_same_file, upload)
    used = IdempotencyKey.objects.find_used(user=user, key=idempotency_key, is_same=is_same)
    return None if used is None else used.upload


def _is_same_file(upload: FileUpload, used: IdempotencyKey) -> bool:
    """Compare the announced values; S3 may have reported the others since."""
    names = ["user_id", "bucket", "original_name", "content_type"]
    names += [name for name in ("size", "checksum_sha256") if getattr(upload, name) not in (None, "")]
    earlier = used.upload
    return earlier.is_direct and all(getattr(earlier, name) == getattr(upload, name) for name in names)
