"""Direct uploads begin here: a pending record, and a plan by which its client sends the bytes to S3 itself.

    upload_start ──plan──> client ──bytes──> S3        parts.py signs more part URLs, as often as they are asked for
         │                    └──"complete"──> completion.py asks S3 what arrived, and only then says `stored`
      pending

One request needs no call to S3 beforehand, parts need one, to begin the upload there.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/PresignedUrlUploadObject.html
"""

import uuid
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError
from django.utils import timezone

from .. import s3, signing
from ..conf import conf
from ..exceptions import FileExists, IdempotencyKeyReused, InvalidFileName, StorageProblem, UploadNotPending
from ..models import FileUpload, IdempotencyKey, durable_transaction
from ..multipart import multipart_abort, multipart_create
from ..names import bucket_name_check, file_name_check
from ..operations import Operation
from ..plans import part_count_of, part_size_for, strategy_for
from ..users import bucket_allowed_check
from ..values import (
    MAX_KEY_BYTES,
    MAX_PUT_BYTES,
    MultipartTransfer,
    PostTransfer,
    PutTransfer,
    Transfer,
)
from .parts import NO_LONGER_PENDING, parts_sign
from .settlement import WRITTEN_BY, settled_on_error

# Signed with the plan itself; the client asks for more as it goes on.
FIRST_PARTS = 20


@dataclass(frozen=True, slots=True)
class StartedUpload:
    """The record, what the client is to send, and whether an earlier request with the same key began it."""

    upload: FileUpload
    transfer: Transfer
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
    """Begin a direct upload under a key of its own: `<prefix><id>/<file name>`.

    Args:
        user: who asks.
        owner: whose file it becomes; the same, or anybody where `user` is staff.
        bucket: must exist and be open to the user.
        file_name: the name on the device; kept as `original_name`.
        content_type: the MIME type; S3 takes no other.
        size: in bytes, 0 to 5 TiB; None if the client does not know, then whatever arrives is taken.
        checksum_sha256: of the whole file in lower-case hex; compared before the record says `stored`.
        strategy: auto, put, post or multipart.
        idempotency_key: the same from the same user answers the same record, with a fresh plan.
        upload_id: the id of the record, if the client was told its key beforehand; a new one by default.

    Raises:
        InvalidBucketName, InvalidFileName, InvalidField, BucketNotAllowed, BucketNotFound, FileTooLarge: nothing began.
        IdempotencyKeyReused: the key was sent before, with another file.
        UploadNotPending: the upload that the key began is over, and was not completed.
        StorageProblem: nothing began.
    """
    bucket_name_check(bucket)
    upload_id = upload_id or uuid.uuid4()
    key = upload_key(upload_id=upload_id, file_name=file_name)
    bucket_allowed_check(user, bucket)
    chosen = strategy_for(size=size, wish=strategy)
    with Operation("upload_start", user=user, bucket=bucket, file_name=key, size=size):
        s3.bucket_check(bucket)
        wanted = FileUpload.objects.pending(
            id=upload_id,
            user_id=owner.pk,
            bucket=bucket,
            file_name=key,
            original_name=file_name,
            content_type=content_type,
            size=size,
            checksum_sha256=checksum_sha256 or "",
            strategy=chosen,
            part_size=part_size_for(size) if chosen == FileUpload.Strategy.MULTIPART else None,
            **_times(chosen),
        )
        upload = _insert(wanted, user, idempotency_key)
        return StartedUpload(upload, _transfer(upload), is_repeated=upload is not wanted)


def upload_key(*, upload_id: uuid.UUID, file_name: str) -> str:
    """Return a key that nobody else can get, and that ends in the name so that it means something to people.

    Raises:
        InvalidFileName: the name cannot be one.
    """
    key = f"{conf.direct_prefix}{upload_id}/{file_name}"
    file_name_check(file_name)
    if len(key.encode()) > MAX_KEY_BYTES:
        longest = MAX_KEY_BYTES - len(key.encode()) + len(file_name.encode())
        raise InvalidFileName(f"A file name has at most {longest} bytes of UTF-8 here: shorten it.")
    return key


def _times(strategy: str) -> dict[str, Any]:
    now = timezone.now()
    if strategy == FileUpload.Strategy.MULTIPART:  # Short: until S3 has begun it, too, nobody can send anything.
        return {"claimed_until": now + timedelta(seconds=conf.claim_seconds)}
    return {
        "claimed_until": now + timedelta(seconds=conf.direct_expiration_seconds),
        "writable_until": now + timedelta(seconds=conf.direct_url_expiration_seconds),
    }


def _insert(upload: FileUpload, user: AbstractBaseUser, idempotency_key: str | None) -> FileUpload:
    """Insert the record and its key in one transaction, or return what the key stands for already."""
    if idempotency_key and (earlier := _repeated(upload, user, idempotency_key)):
        return earlier
    try:
        with durable_transaction():
            upload.save(force_insert=True)
            if idempotency_key:
                IdempotencyKey.objects.write_answered(user=user, key=idempotency_key, upload=upload)
    except IntegrityError:
        earlier = _repeated(upload, user, idempotency_key) if idempotency_key else None
        if earlier is None:
            raise
        return earlier
    return upload


def _repeated(wanted: FileUpload, user: AbstractBaseUser, idempotency_key: str) -> FileUpload | None:
    found = IdempotencyKey.objects.of(user=user, key=idempotency_key).select_related("upload").first()
    if found is None:
        return None
    upload = found.upload
    same = ("user_id", "bucket", "original_name", "content_type", "size", "checksum_sha256")
    if not upload.is_direct or any(getattr(upload, name) != getattr(wanted, name) for name in same):
        raise IdempotencyKeyReused("This Idempotency-Key was sent with another file: take a new one for each file.")
    return upload


# --- the plan --------------------------------------------------------------------------------------------------------


def _transfer(upload: FileUpload) -> Transfer:
    if upload.status != FileUpload.Status.PENDING:
        raise UploadNotPending(NO_LONGER_PENDING)
    match upload.strategy:
        case FileUpload.Strategy.PUT:
            return _put(upload)
        case FileUpload.Strategy.POST:
            return _post(upload)
    return _multipart(upload)


def _put(upload: FileUpload) -> PutTransfer:
    """Sign exactly this file: its type, its size and, where they are known, its bytes."""
    headers = {"Content-Type": upload.content_type}
    if upload.checksum_sha256:
        headers["x-amz-content-sha256"] = upload.checksum_sha256
    if not conf.endpoint_url:  # AWS keeps the checksum, and lets the URL write once.
        headers["If-None-Match"] = "*"
        if upload.checksum_sha256:
            headers["x-amz-checksum-sha256"] = b64encode(bytes.fromhex(upload.checksum_sha256)).decode()
    length = {} if upload.size is None else {"Content-Length": str(upload.size)}
    signed = signing.presigned_url(
        method="PUT",
        bucket=upload.bucket,
        key=upload.file_name,
        expires_in_seconds=_renewed(upload),
        headers={**headers, **length},
    )
    return PutTransfer(method="PUT", url=signed.url, headers=headers, expires_at=signed.expires_at)


def _post(upload: FileUpload) -> PostTransfer:
    signed = signing.presigned_post(
        bucket=upload.bucket,
        key=upload.file_name,
        fields={"Content-Type": upload.content_type, "success_action_status": "201"},
        min_bytes=upload.size or 0,
        max_bytes=MAX_PUT_BYTES if upload.size is None else upload.size,
        expires_in_seconds=_renewed(upload),
    )
    return PostTransfer(url=signed.url, fields=signed.fields, expires_at=signed.expires_at)


def _renewed(upload: FileUpload) -> int:
    """Return for how many seconds to sign, having written down until when the URL may bring an object.

    A record that was just inserted knows; one whose plan is asked for again does not.
    """
    seconds = conf.direct_url_expiration_seconds
    writable_until = timezone.now() + timedelta(seconds=seconds)
    if upload.writable_until is None or writable_until - upload.writable_until > timedelta(seconds=1):
        try:
            upload.wait_for_client(conf.direct_expiration_seconds, writable_until=writable_until)
        except FileExists as error:
            raise UploadNotPending(NO_LONGER_PENDING) from error
    return seconds


def _multipart(upload: FileUpload) -> MultipartTransfer:
    if not upload.multipart_upload_id:
        _multipart_begin(upload)
    size, part_size = upload.size, upload.part_size or 0
    count = None if size is None else part_count_of(size=size, part_size=part_size)
    first = parts_sign(upload=upload, part_numbers=range(1, min(count or 1, FIRST_PARTS) + 1))
    return MultipartTransfer(part_size=part_size, part_count=count, parts=first.parts, expires_at=first.expires_at)


def _multipart_begin(upload: FileUpload) -> None:
    """Begin it in S3 and write down its id; of two requests at once, the slower ends its own and takes the other's."""
    where = {"bucket": upload.bucket, "key": upload.file_name}
    with settled_on_error(upload):
        begun = multipart_create(**where, content_type=upload.content_type, metadata={WRITTEN_BY: str(upload.write_id)})
        try:
            upload.multipart_began(begun, expires_in_seconds=conf.direct_expiration_seconds)
        except FileExists:
            with suppress(StorageProblem):  # Housekeeping finds it.
                multipart_abort(**where, upload_id=begun)
            upload.refresh_from_db()
    if upload.status != FileUpload.Status.PENDING or not upload.multipart_upload_id:
        raise UploadNotPending(NO_LONGER_PENDING)
