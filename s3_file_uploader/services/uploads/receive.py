"""Take in a file through this server: its key is claimed, its bytes go to S3 as they arrive, the record says so."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone

from ...exceptions import FileExists, IdempotencyKeyReused, QuotaExceeded, UploadInProgress
from ...models import FileUpload, IdempotencyKey, durable_statement, durable_transaction
from ...models.idempotency_key import IN_PROGRESS
from ...policy.bucket_policy import policy_for
from ...policy.names import bucket_name_check, file_name_new, file_name_spellings
from ...policy.users import bucket_allowed_check
from ...s3.client import bucket_check
from ...s3.objects import object_head
from ...s3.part_buffer import PartBuffer
from ...s3.transfer.object_writer import ObjectWriter, Sent, object_writer
from ...s3.transfer.part_uploader import Destination
from ...values import CHUNK_BYTES
from ..audit.operation import Operation
from ..audit.trail import set_event_object
from ..content_check import Contents
from ..limits import Intake, key_check, upload_check
from ..lookup import not_rejected
from ..recovery import WRITTEN_BY, settled_on_error
from ..scanning.scan import arrived_scan, stored_tell
from .key_claim import key_claim, nothing_there_check

_REUSED = "This Idempotency-Key was sent with another file: take a new one for each file."


class Readable(Protocol):
    """Anything with bytes to read: an upload of Django's, an open file, a socket's file."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, and none at the end."""


@dataclass(slots=True)
class IncomingFile:
    """A file that is being taken in: write its bytes, then leave the block; `upload` is the stored record then.

    With scanners it may be in quarantine.

    What the bytes must be may become known as late as at their end.
    """

    upload: FileUpload
    size: int | None
    checksum_sha256: str | None
    _writer: ObjectWriter = field(repr=False)
    _intake: Intake = field(repr=False)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take some bytes; waits while S3 is slower than they come.

        Raises:
            FileTooLarge, QuotaExceeded: more than S3 keeps, or the policy allows.
            S3FileUploaderError: as S3 answered.
        """
        self._intake.comes(self._writer.size + len(data))
        self._writer.write(data)

    def take(self, body: PartBuffer) -> None:
        """Take a whole file without a copy; the buffer is not its owner's any more.

        Raises:
            FileTooLarge, QuotaExceeded: as `write`.
        """
        self._intake.comes(self._writer.size + len(body))
        self._writer.take(body)

    def receive(self, read_into: Callable[[memoryview], int], size: int) -> None:
        """Take `size` bytes without a copy between: `read_into` puts some where it is told, and says how many.

        Raises:
            FileTooLarge, QuotaExceeded: as `write`, but before the first of them.
            S3FileUploaderError: as S3 answered.
        """
        self._intake.comes(self._writer.size + size)
        self._writer.receive(read_into, size)

    def finish(self) -> Sent:
        """Send what is left; whoever opened the file does this."""
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
    checksum_sha256: str | None = None,
    idempotency_key: str | None = None,
) -> Iterator[IncomingFile]:
    """Open a file to be stored; what is written in the block is sent to S3 meanwhile, in bounded memory.

    The key is claimed before the block is entered. Leaving it sends what is left, asks S3 what it holds and marks the
    record stored; leaving it by an error stores nothing.

    Args:
        user: who asks.
        owner: whose file it becomes; the same, or anybody where `user` is staff.
        bucket: must exist and be open to the user.
        file_name: the object key.
        content_type: the MIME type that the sender says; empty, or application/octet-stream, has the bytes say it.
        original_name: what the sender calls the file.
        size: how many bytes must come, if that is known.
        at_most: how many can come, if that is known.
        overwrite: replace the owner's own file of that name; nobody else's, ever.
        checksum_sha256: what the bytes must add up to, lower-case hex.
        idempotency_key: under which the request may be repeated; ask `upload_repeated` first.

    Yields:
        The file to write to.

    Raises:
        InvalidBucketName, InvalidFileName, BucketNotAllowed, FileTooLarge, ContentTypeNotAllowed, QuotaExceeded: before
            anything happened; or the bytes come to more than the owner may have, then nothing was stored.
        FileExists: the key is taken, also by an object that has no record, or by a request at this moment.
        UploadInProgress: another request with the same Idempotency-Key was faster.
        SizeMismatch, ChecksumMismatch, ContentTypeMismatch: the bytes are not what was announced; nothing was stored.
        FileRejected: a scanner found something in it; it was removed, and its record says what.
        BucketNotFound, StorageProblem: nothing was stored, or it is settled later.
    """
    set_event_object(bucket=bucket, file_name=file_name)
    bucket_name_check(bucket)
    file_name = file_name_new(file_name)
    with Operation("file_upload", user=user, bucket=bucket, file_name=file_name, size=size) as operation:
        bucket_allowed_check(user, bucket)
        policy = policy_for(owner, bucket)
        key_check(policy, file_name)
        upload_check(policy, names=(file_name, original_name), content_type=None, size=size)
        contents = Contents(policy, declared=content_type, name=original_name)
        described = {"content_type": contents.content_type, "original_name": original_name}
        where = {"bucket": bucket, "file_name": file_name}
        bucket_check(bucket)  # Some stores create a missing bucket at the first write.
        repeat = _Repeat(user, idempotency_key) if idempotency_key else None
        with repeat.first_or_in_progress(where, size, checksum_sha256) if repeat else nullcontext():
            also = repeat.take if repeat else None
            upload = key_claim(policy, owner, **where, size=size, overwrite=overwrite, described=described, also=also)
        operation.object_id = upload.pk
        with settled_on_error(upload), ExitStack() as stack:
            if not upload.was_stored:
                nothing_there_check(upload)
            writer = stack.enter_context(
                object_writer(
                    destination=_destination(upload, contents.content_type),
                    at_most=at_most if size is None else size,
                    on_progress=upload.claim_keep,
                    on_head=contents.look,
                )
            )
            incoming = IncomingFile(upload, size, checksum_sha256, writer, Intake(policy, upload, size))
            yield incoming
            operation.size = writer.size
            sent = incoming.finish()
            _stored(upload, sent, {**described, **contents.described()}, has_key=bool(idempotency_key))
        arrived_scan(upload)


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
    """Store a file that is at hand, such as an open one: read once, from where it stands to its end.

    `file_receive` explains the other arguments, and the errors.

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


def upload_repeated(
    *,
    user: AbstractBaseUser,
    idempotency_key: str | None,
    bucket: str,
    file_name: str,
    size: int | None = None,
    checksum_sha256: str | None = None,
) -> FileUpload | None:
    """Return what an earlier request with the same Idempotency-Key stored, or None if this is the first or has no key.

    Args:
        user: who asks.
        idempotency_key: under which the request came, if it has one.
        bucket: where the file would lie.
        file_name: the object key.
        size: in bytes, if it was announced.
        checksum_sha256: of the whole file in lower-case hex, if it was announced.

    Raises:
        IdempotencyKeyReused: the earlier one had another file.
        UploadInProgress: it is still at work.
        FileRejected: it was removed for what it holds.
    """
    set_event_object(bucket=bucket, file_name=file_name)
    if not idempotency_key:
        return None
    found = IdempotencyKey.objects.of(user=user, key=idempotency_key).select_related("upload").first()
    if found is None:
        return None
    upload = found.upload
    if upload.is_direct or upload.bucket != bucket or upload.file_name not in file_name_spellings(file_name):
        raise IdempotencyKeyReused(_REUSED)
    if found.is_in_progress:
        raise UploadInProgress(IN_PROGRESS)
    if not found.is_answered:
        return None
    if not _has_same_bytes(found, size=size, checksum_sha256=checksum_sha256):
        raise IdempotencyKeyReused(_REUSED)
    return not_rejected(upload)


@dataclass(frozen=True, slots=True)
class _Repeat:
    """A request that may be sent again, and may be there twice at the same time."""

    user: AbstractBaseUser
    key: str

    def take(self, upload: FileUpload) -> None:
        """Write down that the claim on `upload` was made under the key."""
        IdempotencyKey.objects.take(user=self.user, key=self.key, upload=upload)

    @contextmanager
    def first_or_in_progress(
        self, where: dict[str, str], size: int | None, checksum_sha256: str | None
    ) -> Iterator[None]:
        """Let the block claim a file; where the same request was faster, say that instead of what it left.

        Raises:
            UploadInProgress: the other one holds the file or the last place under the quota, or has stored the file.
            IdempotencyKeyReused: the key stands for another file by now.
        """
        try:
            yield
        except (FileExists, QuotaExceeded) as error:
            told: dict[str, Any] = {**where, "size": size, "checksum_sha256": checksum_sha256}
            if upload_repeated(user=self.user, idempotency_key=self.key, **told):
                raise UploadInProgress(IN_PROGRESS) from error
            raise


def _has_same_bytes(found: IdempotencyKey, *, size: int | None, checksum_sha256: str | None) -> bool:
    """Compare what is announced; of bytes that another request has replaced since, nothing is known any more."""
    upload = found.upload
    if upload.write_id != found.claim_id:
        return True
    return size in (None, upload.size) and (not checksum_sha256 or checksum_sha256 == upload.checksum_sha256)


def _destination(upload: FileUpload, content_type: str) -> Destination:
    written_by = {WRITTEN_BY: str(upload.write_id)}
    return Destination(upload.bucket, upload.file_name, content_type, written_by, may_replace=upload.was_stored)


def _stored(upload: FileUpload, sent: Sent, described: dict[str, Any], *, has_key: bool) -> None:
    """Mark the record stored, and in the same step answered the key under which it came, if it has one."""
    etag = sent.etag or _verified_etag(upload, sent.size)
    with durable_transaction() if has_key else durable_statement():
        upload.mark_stored(
            size=sent.size,
            etag=etag,
            checksum_sha256=sent.checksum_sha256,
            completed_at=timezone.now(),
            **described,
        )
        if has_key:
            IdempotencyKey.objects.answered(upload)
        stored_tell(upload)


def _verified_etag(upload: FileUpload, size: int) -> str:
    found = object_head(bucket=upload.bucket, key=upload.file_name)
    if found.size != size or found.metadata.get(WRITTEN_BY) != str(upload.write_id):
        raise FileExists("Another program wrote to that name at the same time: choose another name.")
    return found.etag
