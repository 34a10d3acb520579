"""Direct uploads begin here: a pending record, and a plan by which its client sends the bytes to S3 itself.

    upload_start ──plan──> client ──bytes──> S3        parts.py signs more part URLs, as often as they are asked for
         │                    └──"complete"──> complete.py asks S3 what arrived, and only then says `stored`
      pending

One request needs no call to S3 beforehand, parts need one, to begin the upload there.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/PresignedUrlUploadObject.html
"""

import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError
from django.utils import timezone

from ...conf import conf
from ...content_types.sniff import normalize_content_type
from ...exceptions import IdempotencyKeyReused, InvalidFileName, QuotaExceeded, UploadNotPending
from ...models import FileUpload, IdempotencyKey, Within, durable_transaction
from ...policy.bucket_policy import Policy, policy_for
from ...policy.names import bucket_name_check, file_name_new
from ...policy.users import bucket_allowed_check
from ...s3 import presign
from ...s3.client import bucket_check
from ...values import MAX_KEY_BYTES, Transfer
from ..audit.operation import Operation
from ..audit.trail import set_event_object
from ..limits import quota_for, upload_check
from ..plan import direct_key, part_size_for, strategy_for
from .instructions import form_fields, transfer_of
from .parts import NO_LONGER_PENDING


@dataclass(frozen=True, slots=True)
class StartedUpload:
    """The record, what the client is to send, and whether an earlier request with the same key began it.

    There is nothing to send, and `transfer` is None, where the upload was completed since.
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
    """Begin a direct upload under a key of its own: `<the owner's prefix><prefix><id>/<file name>`.

    Args:
        user: who asks.
        owner: whose file it becomes; the same, or anybody where `user` is staff.
        bucket: must exist and be open to the user.
        file_name: the name on the device; kept as `original_name`.
        content_type: the MIME type, of which essence and charset are kept; S3 takes no other.
        size: in bytes, 0 to 5 TiB; None if the client does not know, then whatever arrives is taken.
        checksum_sha256: of the whole file in lower-case hex; compared before the record says `stored`.
        strategy: auto, put, post or multipart.
        idempotency_key: the same from the same user answers the same record, with a fresh plan.
        upload_id: the id of the record, if the client was told its key beforehand; a new one by default.

    Raises:
        InvalidBucketName, InvalidFileName, InvalidField, BucketNotAllowed, BucketNotFound, FileTooLarge,
            ContentTypeNotAllowed, QuotaExceeded: nothing began.
        IdempotencyKeyReused: the key was sent before, with another file.
        UploadNotPending: the upload that the key began is being removed.
        StorageProblem: nothing began that lasts; the same key tries again.
    """
    set_event_object(bucket=bucket, file_name=file_name)
    bucket_name_check(bucket)
    bucket_allowed_check(user, bucket)
    policy, content_type = policy_for(owner, bucket), normalize_content_type(content_type)
    upload_check(policy, names=(file_name,), content_type=content_type, size=size)
    wanted = _wanted(
        policy,
        id=upload_id or uuid.uuid4(),
        user_id=owner.pk,
        bucket=bucket,
        original_name=file_name,
        content_type=content_type,
        size=size,
        checksum_sha256=checksum_sha256 or "",
        strategy=strategy_for(size=size, wish=strategy, with_checksum=bool(checksum_sha256)),
    )
    with Operation("upload_start", user=user, bucket=bucket, file_name=wanted.file_name, size=size) as operation:
        bucket_check(bucket)
        upload = _inserted(wanted, user, idempotency_key, quota_for(policy, size))
        operation.file_name, operation.object_id = upload.file_name, upload.pk
        return _started(upload, is_repeated=upload is not wanted)


def upload_key(*, owner: AbstractBaseUser, bucket: str, upload_id: uuid.UUID, file_name: str) -> str:
    """Return a key that nobody else can get, and that ends in the name so that it means something to people.

    Raises:
        InvalidFileName: the name cannot be the end of one.
    """
    return _key(policy_for(owner, bucket), upload_id, file_name)


def _key(policy: Policy, upload_id: uuid.UUID, file_name: str) -> str:
    file_name = file_name_new(file_name)
    key = f"{policy.key_prefix}{direct_key(upload_id, file_name)}"
    if (excess := len(key.encode()) - MAX_KEY_BYTES) > 0:
        longest = len(file_name.encode()) - excess
        raise InvalidFileName(f"A file name has at most {longest} bytes of UTF-8 here: shorten it.")
    return key


def _wanted(policy: Policy, *, strategy: str, **fields: Any) -> FileUpload:
    """Return the record, not yet in the database; nobody has its key."""
    upload = FileUpload.objects.pending(
        file_name=_key(policy, fields["id"], fields["original_name"]),
        strategy=strategy,
        part_size=part_size_for(fields["size"]) if strategy == FileUpload.Strategy.MULTIPART else None,
        **_times(strategy),
        **fields,
    )
    if strategy == FileUpload.Strategy.POST:
        presign.form_check(key=upload.file_name, fields=form_fields(upload))
    return upload


def _times(strategy: str) -> dict[str, Any]:
    now = timezone.now()
    if strategy == FileUpload.Strategy.MULTIPART:  # Short: until S3 has begun it, too, nobody can send anything.
        return {"claimed_until": now + timedelta(seconds=conf.claim_seconds)}
    return {
        "claimed_until": now + timedelta(seconds=conf.direct_expiration_seconds),
        "writable_until": now + timedelta(seconds=conf.direct_url_expiration_seconds),
    }


def _started(upload: FileUpload, *, is_repeated: bool) -> StartedUpload:
    with suppress(UploadNotPending):  # Another request may be faster.
        if upload.status == FileUpload.Status.PENDING:
            return StartedUpload(upload, transfer_of(upload), is_repeated)
    whole = FileUpload.objects.whole().filter(pk=upload.pk).first()
    if whole is None:
        raise UploadNotPending(NO_LONGER_PENDING)
    return StartedUpload(whole, None, is_repeated)


# --- the same request again ------------------------------------------------------------------------------------------


def _inserted(
    upload: FileUpload, user: AbstractBaseUser, idempotency_key: str | None, within: Within | None
) -> FileUpload:
    """Insert the record and its key in one transaction, or return what the key stands for already."""
    if not idempotency_key:
        upload.insert(within=within)
        return upload
    if earlier := _repeated(upload, user, idempotency_key):
        return earlier
    try:
        with within(upload) if within else durable_transaction():
            upload.save(force_insert=True)
            IdempotencyKey.objects.write_answered(user=user, key=idempotency_key, upload=upload)
    except (IntegrityError, QuotaExceeded):  # The same request, at the same time, may have been given the last place.
        earlier = _repeated(upload, user, idempotency_key)
        if earlier is None:
            raise
        return earlier
    return upload


def _repeated(wanted: FileUpload, user: AbstractBaseUser, idempotency_key: str) -> FileUpload | None:
    found = IdempotencyKey.objects.of(user=user, key=idempotency_key).select_related("upload").first()
    if found is None:
        return None
    if not found.upload.is_direct or not _is_same_file(wanted, found.upload):
        raise IdempotencyKeyReused("This Idempotency-Key was sent with another file: take a new one for each file.")
    return found.upload


def _is_same_file(wanted: FileUpload, found: FileUpload) -> bool:
    """Compare what is announced; what was not, S3 may have told since."""
    named = ("user_id", "bucket", "original_name", "content_type")
    told = [name for name in ("size", "checksum_sha256") if getattr(wanted, name) not in (None, "")]
    return all(getattr(found, name) == getattr(wanted, name) for name in (*named, *told))
