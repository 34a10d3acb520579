"""Store a file of a file field: the bytes first, then the record, in the host's own transaction.

A claim cannot be committed first, because `FileField.save()` runs inside the transaction of the request:

    key of its own  ──bytes sent, verified──>  small files scanned  ──record inserted──>  the host commits
                                   │                   └─infected: object removed               │
                                   └── a crash here, or a roll-back there, leaves an object without a record

Housekeeping removes such objects after a day.
"""

import logging
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import Error, IntegrityError, router, transaction
from django.utils import timezone

from ...conf import conf
from ...exceptions import FileExists, StorageProblem
from ...models import FileUpload, UsageLock, location_digest
from ...policy.bucket_policy import Policy, get_policy
from ...policy.names import normalize_file_name, validate_bucket_name
from ...s3.client import require_bucket
from ...s3.transfer.object_writer import Sent, open_object_writer
from ...signals import file_quarantined, send_after_commit
from ..audit.operation import Operation
from ..content_check import Contents
from ..limits import validate_size, validate_upload
from ..quota import validate_room
from ..recovery import remove_object
from ..scanning.scan import notify_stored, scan_unrecorded
from ..storage_places import strip_file_id
from ..uploads.receive import build_destination, verify_etag

logger = logging.getLogger(__name__)
Status = FileUpload.Status
TAKEN = "A file of that name is there already: choose another name."


def field_file_store(
    *,
    owner: AbstractBaseUser | None,
    bucket: str,
    file_name: str,
    content: Iterable[bytes],
    size: int | None,
    content_type: str,
    original_name: str,
) -> FileUpload:
    """Send the bytes to S3 in bounded memory, then insert the record; inside a transaction or outside.

    Args:
        owner: the owner of the file, if there is one: without an owner no quota counts.
        bucket: name of the bucket; it need not be open to the owner.
        file_name: a key that no other file has.
        content: the bytes, in pieces of any size.
        size: the expected number of bytes, if it is known; it only saves the transfer of a file that is too large.
        content_type: the declared MIME type; if it is empty or application/octet-stream, the bytes decide.
        original_name: the name of the file on the device.

    Returns:
        The record, stored or in quarantine. It is in the database once the transaction is committed.

    Raises:
        InvalidBucketName, InvalidFileName, FileTooLarge, ContentTypeNotAllowed, ContentTypeMismatch, QuotaExceeded:
            the policy does not allow the file; nothing is stored.
        FileExists: another file has the key.
        FileRejected: a scanner found malware; nothing is stored.
        BucketNotFound, StorageProblem: nothing is stored.
    """
    validate_bucket_name(bucket)
    file_name = normalize_file_name(file_name)
    with Operation("file_upload", user=owner, bucket=bucket, file_name=file_name, size=size) as operation:
        policy = get_policy(owner, bucket)
        validate_upload(policy, names=(file_name, original_name), content_type=None, size=size)
        contents = Contents(policy, declared=content_type, name=original_name)
        upload = _build_record(owner, bucket, file_name, original_name)
        operation.object_id = upload.pk
        if _has_quota(policy, upload):
            validate_room(policy, upload, size or 1)
        require_bucket(bucket)
        sent = _send(policy, upload, contents, content, size)
        operation.size = sent.size
        with _remove_object_on_error(upload):
            _describe(upload, sent, contents)
            _scan_if_small(upload)
            _insert(policy, upload)
    return upload


def _build_record(owner: AbstractBaseUser | None, bucket: str, file_name: str, original_name: str) -> FileUpload:
    if FileUpload.objects.at(bucket=bucket, file_name=file_name).exists():
        raise FileExists(TAKEN)
    write_id = uuid.uuid4()
    return FileUpload(
        user_id=None if owner is None else owner.pk,
        bucket=bucket,
        file_name=file_name,
        location_digest=location_digest(bucket, file_name),
        path=strip_file_id(file_name),
        original_name=original_name,
        claim_id=write_id,
        write_id=write_id,
    )


def _has_quota(policy: Policy, upload: FileUpload) -> bool:
    return policy.has_quota and upload.user_id is not None


def _send(policy: Policy, upload: FileUpload, contents: Contents, content: Iterable[bytes], size: int | None) -> Sent:
    """Send the bytes; a content that raises, or is too large, leaves nothing in S3."""
    with open_object_writer(
        destination=build_destination(upload, contents.content_type),
        at_most=size,
        on_progress=lambda: None,
        on_head=contents.look,
    ) as writer:
        for data in content:
            validate_size(policy, writer.size + len(data))
            writer.write(data)
        return writer.finish()


def _describe(upload: FileUpload, sent: Sent, contents: Contents) -> None:
    needs_scan = bool(conf.scanner_paths)
    described: dict[str, Any] = {
        "size": sent.size,
        "etag": sent.etag or verify_etag(upload, sent.size),
        "checksum_sha256": sent.checksum_sha256,
        "completed_at": timezone.now(),
        "attached_at": timezone.now(),  # So its owner cannot remove it behind the back of the field.
        "needs_scan": needs_scan,
        "status": Status.QUARANTINED if needs_scan else Status.STORED,
        **contents.described(),
    }
    for name, value in described.items():
        setattr(upload, name, value)


def _scan_if_small(upload: FileUpload) -> None:
    """Scan a small file before it has a record, because the steps of a scan are transactions of their own."""
    if upload.is_to_scan and 0 < conf.scan_in_request_bytes >= (upload.size or 0):
        scan_unrecorded(upload)


def _insert(policy: Policy, upload: FileUpload) -> None:
    """Insert the record. The lock of a quota is held until the host's transaction ends.

    Raises:
        FileExists, QuotaExceeded: nothing was inserted.
    """
    try:
        with transaction.atomic(using=router.db_for_write(FileUpload)):
            if _has_quota(policy, upload):
                UsageLock.objects.take(upload.user_id)
                validate_room(policy, upload, upload.size or 0)
            upload.save(force_insert=True)
            notify_stored(upload)
            if upload.is_to_scan:
                send_after_commit(file_quarantined, upload)
    except IntegrityError as error:
        raise FileExists(TAKEN) from error


@contextmanager
def _remove_object_on_error(upload: FileUpload) -> Iterator[None]:
    with ExitStack() as undo:
        undo.push(lambda _kind, error, _trace: _remove_after(upload, error))
        yield
        undo.pop_all()


def _remove_after(upload: FileUpload, error: BaseException | None) -> None:
    """Remove the object, unless the database failed: the record may be there then, and only its answer was lost."""
    if isinstance(error, Error) or isinstance(getattr(error, "__cause__", None), Error):
        return
    try:
        remove_object(upload)
    except StorageProblem as problem:
        logger.warning("The object of a file that was refused stays in S3 for housekeeping: %s", problem)
