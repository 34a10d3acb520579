"""Receive a file through this server: claim its key, stream its bytes to S3, then mark the record stored."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol
from uuid import UUID, uuid4

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone

from ...exceptions import FileExists
from ...models import FileUpload, IdempotencyKey, durable_statement, durable_transaction
from ...models.lease import keep_lease
from ...models.transitions import mark_stored
from ...policy.bucket_policy import Policy, get_policy
from ...policy.names import normalize_file_name, validate_bucket_name
from ...policy.users import validate_bucket_access
from ...s3.client import require_bucket
from ...s3.objects import head_object
from ...s3.transfer.object_writer import ObjectWriter, Sent, open_object_writer
from ...s3.transfer.part_uploader import Destination
from ...values import CHUNK_BYTES
from ..audit.operation import Operation
from ..audit.trail import set_event_object
from ..content_check import Contents
from ..limits import validate_key, validate_outside_storages, validate_upload
from ..plan import build_direct_key
from ..quota import Intake
from ..recovery import WRITTEN_BY, settle_on_error
from ..scanning.scan import notify_stored, scan_on_arrival
from .key_claim import claim_key, claim_own_key, validate_key_is_free
from .repeated import raise_in_progress


class Readable(Protocol):
    """A source of bytes: an uploaded file of Django, an open file, the file of a socket."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, and none at the end."""


@dataclass(slots=True)
class IncomingFile:
    """A file that is being received: write its bytes, then leave the block; then `upload` is the stored record.

    With scanners, the record may be in quarantine. Announced `size` and `checksum_sha256` may be set until the end.
    """

    upload: FileUpload
    size: int | None
    checksum_sha256: str | None
    _writer: ObjectWriter = field(repr=False)
    _intake: Intake = field(repr=False)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take some bytes; wait while S3 is slower than the client.

        Raises:
            FileTooLarge, QuotaExceeded: the bytes are over a limit of S3 or of the policy.
            S3FileUploaderError: S3 refused them.
        """
        self._intake.comes(self._writer.size + len(data))
        self._writer.write(data)

    def finish(self) -> Sent:
        """Send the rest; called when the block ends."""
        self._intake.ends(self._writer.size)
        return self._writer.finish(size=self.size, checksum_sha256=self.checksum_sha256)


@contextmanager
def file_receive(
    *,
    user: AbstractBaseUser,
    owner: AbstractBaseUser,
    bucket: str,
    file_name: str,
    content_type: str,
    original_name: str,
    size: int | None = None,
    at_most: int | None = None,
    overwrite: bool = False,
    own_key: bool = False,
    checksum_sha256: str | None = None,
    idempotency_key: str | None = None,
) -> Iterator[IncomingFile]:
    """Open a file to be stored; bytes that the block writes are streamed to S3, in bounded memory.

    The key is claimed before the block runs. When the block ends, the rest is sent, the object in S3 is verified and
    the record is marked stored. If the block raises, nothing is stored.

    Args:
        user: the caller.
        owner: the owner of the file; another user only if `user` is staff.
        bucket: must exist and be open to the user.
        file_name: the object key; with `own_key` the end of it.
        content_type: the declared MIME type; if it is empty or application/octet-stream, the bytes decide.
        original_name: the name of the file on the device.
        size: the announced number of bytes, if there is one.
        at_most: the maximum number of bytes, if it is known.
        overwrite: replace the owner's file of that name; never another user's.
        own_key: give the file a key that contains the id of its record, as a direct upload gets one. The key is new,
            so neither the database nor S3 is asked for another file under it.
        checksum_sha256: the announced SHA-256, in lower-case hex.
        idempotency_key: the key of a request that may be repeated; call `upload_repeated` first.

    Yields:
        The file to write to.

    Raises:
        InvalidBucketName, InvalidFileName, BucketNotAllowed, FileTooLarge, ContentTypeNotAllowed, QuotaExceeded: before
            the block; the last three also when too many bytes arrive, and then nothing is stored.
        FileExists: the key is taken, also by an object that has no record, or by a request at this moment.
        UploadInProgress: another request with the same Idempotency-Key was faster.
        SizeMismatch, ChecksumMismatch, ContentTypeMismatch: the bytes are not the announced ones; nothing is stored.
        FileRejected: a scanner found malware; the file was removed, and its record holds the reason.
        BucketNotFound, StorageProblem: nothing is stored, or recovery settles it later.
    """
    set_event_object(bucket=bucket, file_name=file_name)
    validate_bucket_name(bucket)
    file_name = normalize_file_name(file_name)
    with Operation("file_upload", user=user, bucket=bucket, file_name=file_name, size=size) as operation:
        validate_bucket_access(user, bucket)
        policy = get_policy(owner, bucket)
        key, own_id = _choose_key(policy, bucket, file_name, own_key=own_key)
        validate_upload(policy, names=(file_name, original_name), content_type=None, size=size)
        contents = Contents(policy, declared=content_type, name=original_name)
        described = {"content_type": contents.content_type, "original_name": original_name}
        announced = {"bucket": bucket, "file_name": file_name, "own_key": own_key, "size": size}
        require_bucket(bucket)  # Some stores create a missing bucket at the first write.
        take_key = partial(IdempotencyKey.objects.take, user=user, key=idempotency_key) if idempotency_key else None
        claim = partial(claim_own_key, upload_id=own_id) if own_id else partial(claim_key, overwrite=overwrite)
        with raise_in_progress(user, idempotency_key, **announced, checksum_sha256=checksum_sha256):
            upload = claim(policy, owner, bucket=bucket, file_name=key, size=size, described=described, also=take_key)
        operation.file_name, operation.object_id = key, upload.pk
        with settle_on_error(upload), ExitStack() as stack:
            if not (upload.was_stored or own_key):
                validate_key_is_free(upload)
            writer = stack.enter_context(
                open_object_writer(
                    destination=build_destination(upload, contents.content_type),
                    at_most=at_most if size is None else size,
                    on_progress=partial(keep_lease, upload),
                    on_head=contents.look,
                )
            )
            incoming = IncomingFile(upload, size, checksum_sha256, writer, Intake(policy, upload, size))
            yield incoming
            operation.size = writer.size
            sent = incoming.finish()
            _mark_stored(upload, sent, {**described, **contents.described()}, has_key=bool(idempotency_key))
        scan_on_arrival(upload)


def file_upload(
    *,
    user: AbstractBaseUser,
    owner: AbstractBaseUser,
    bucket: str,
    file_name: str,
    content: Readable,
    size: int,
    content_type: str,
    original_name: str,
    overwrite: bool = False,
    checksum_sha256: str | None = None,
) -> FileUpload:
    """Store a file that the server can read, such as an open one: read once, from its position to its end.

    `file_receive` documents the other arguments, and the errors.

    Returns:
        The stored record.
    """
    with file_receive(
        user=user,
        owner=owner,
        bucket=bucket,
        file_name=file_name,
        content_type=content_type,
        original_name=original_name,
        size=size,
        overwrite=overwrite,
        checksum_sha256=checksum_sha256,
    ) as incoming:
        while data := content.read(CHUNK_BYTES):
            incoming.write(data)
    return incoming.upload


def _choose_key(policy: Policy, bucket: str, file_name: str, *, own_key: bool) -> tuple[str, UUID | None]:
    """Return the object key, and the id of the record if the key is one of its own.

    Raises:
        InvalidFileName: the owner may not use the key.
    """
    if own_key:
        own_id = uuid4()
        return build_direct_key(policy, own_id, file_name), own_id
    validate_key(policy, file_name)
    validate_outside_storages(bucket, file_name)
    return file_name, None


def build_destination(upload: FileUpload, content_type: str) -> Destination:
    """Return the place of a record's object, with the claim under which it is written as metadata."""
    written_by = {WRITTEN_BY: str(upload.write_id)}
    return Destination(upload.bucket, upload.file_name, content_type, written_by, may_replace=upload.was_stored)


def _mark_stored(upload: FileUpload, sent: Sent, described: dict[str, Any], *, has_key: bool) -> None:
    """Mark the record stored, and its Idempotency-Key answered in the same transaction, if it has one."""
    etag = sent.etag or verify_etag(upload, sent.size)
    with durable_transaction() if has_key else durable_statement():
        mark_stored(
            upload,
            size=sent.size,
            etag=etag,
            checksum_sha256=sent.checksum_sha256,
            completed_at=timezone.now(),
            **described,
        )
        if has_key:
            IdempotencyKey.objects.mark_answered(upload)
        notify_stored(upload)


def verify_etag(upload: FileUpload, size: int) -> str:
    """Return the ETag of the object that was just written.

    Raises:
        FileExists: another program wrote to the key at the same time.
        FileNotFound, StorageProblem: S3 could not answer.
    """
    stored = head_object(**upload.s3_address)
    if stored.size != size or stored.metadata.get(WRITTEN_BY) != str(upload.write_id):
        raise FileExists("Another program wrote to that name at the same time: choose another name.")
    return stored.etag
