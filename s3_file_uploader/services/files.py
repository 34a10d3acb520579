"""Upload, download, presign and delete one file, with its record."""

from functools import partial
from hashlib import sha256
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import router, transaction
from django.utils import timezone
from django.utils.http import content_disposition_header

from .. import s3, signing
from ..conf import conf
from ..exceptions import (
    FileExists,
    FileNotFound,
    FileTooLarge,
    InvalidField,
    StorageError,
)
from ..ingest import Destination, Readable, object_send
from ..models import BUSY, FileUpload, durable_transaction
from ..names import bucket_name_check, file_name_check
from ..operations import Operation
from ..s3_errors import storage_errors
from ..saving import file_saved_under
from ..signals import file_deleted, file_uploaded
from ..users import bucket_allowed_check
from ..values import MAX_EXPIRATION_SECONDS, MAX_OBJECT_BYTES, PresignedUrl, SavedFile, mib
from .settlement import WRITTEN_BY, object_remove, settled_on_error, upload_settle

DISPOSITIONS = ("attachment", "inline")


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
    """Store a file and its record: the key is claimed, the bytes sent, S3 asked what it holds, the record stored.

    Args:
        user: who asks.
        owner: whose file it becomes; the same, or anybody where `user` is staff.
        bucket: must exist and be open to the user.
        file_name: the object key.
        content: the bytes, read once, in parts.
        size: how many there are.
        content_type: a MIME type, kept with the object.
        original_name: what the sender calls the file.
        overwrite: replace the owner's own file of that name; nobody else's, ever.
        checksum_sha256: what the bytes must add up to, lower-case hex.

    Returns:
        The stored record.

    Raises:
        InvalidBucketName, InvalidFileName, BucketNotAllowed, FileTooLarge: before anything happened.
        FileExists: the key is taken, also by an object that has no record, or by a request at this moment.
        SizeMismatch, ChecksumMismatch: the bytes are not what was announced; nothing was stored.
        BucketNotFound, StorageProblem: nothing was stored, or it is settled later.
    """
    bucket_name_check(bucket)
    file_name_check(file_name)
    with Operation("file_upload", user=user, bucket=bucket, file_name=file_name, size=size):
        bucket_allowed_check(user, bucket)
        if size > MAX_OBJECT_BYTES:
            raise FileTooLarge(f"S3 keeps files up to {MAX_OBJECT_BYTES} bytes: split this one.")
        described = {"content_type": content_type, "original_name": original_name}
        upload = _key_claim(owner=owner, bucket=bucket, file_name=file_name, overwrite=overwrite, described=described)
        with settled_on_error(upload):
            if not upload.was_stored:
                _nothing_there_check(upload)
            written_by = {WRITTEN_BY: str(upload.claim_id)}
            sent = object_send(
                destination=Destination(bucket, file_name, content_type, written_by, may_replace=upload.was_stored),
                content=content,
                size=size,
                checksum_sha256=checksum_sha256,
                on_progress=upload.claim_keep,
            )
            etag = _verified_etag(upload, sent.size)
            with durable_transaction():
                upload.mark_stored(
                    size=sent.size,
                    etag=etag,
                    checksum_sha256=sent.checksum_sha256,
                    completed_at=timezone.now(),
                    **described,
                )
                _after_commit(file_uploaded, upload)
    return upload


def file_download(*, user: AbstractBaseUser, bucket: str, file_name: str) -> SavedFile:
    """Save a stored file as PATH_TO_SAVE_FILE/<bucket>/<file_name>, whole or not at all.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html

    Raises:
        InvalidBucketName, InvalidFileName, BucketNotAllowed, FileNotFound: nothing for this user under that name.
        StorageNotConfigured, DownloadFolderFull, FileExists: the folder cannot take it.
        StorageError: what S3 gave is not what was stored; another program changed the object.
        StorageProblem: S3 could not.
    """
    upload = _stored_file(user, bucket, file_name)
    with Operation("file_download", user=user, bucket=bucket, file_name=file_name, size=upload.size):
        path = f"{bucket}/{file_name}"
        digest, saved_bytes = sha256(), 0
        with file_saved_under(conf.download_folder, path) as file, storage_errors():
            answer = s3.client().get_object(Bucket=bucket, Key=file_name)
            for chunk in answer["Body"].iter_chunks(mib(1)):
                digest.update(chunk)
                saved_bytes += file.write(chunk)
            if (saved_bytes, digest.hexdigest()) != (upload.size, upload.checksum_sha256):
                raise StorageError("S3 holds other bytes than were stored: try again, or upload the file anew.")
    return SavedFile(path=path, file_name=file_name, bucket=bucket, size=saved_bytes, etag=upload.etag)


def file_presign(
    *,
    user: AbstractBaseUser,
    bucket: str,
    file_name: str,
    expires_in_seconds: int = 3600,
    disposition: str | None = None,
) -> PresignedUrl:
    """Sign a URL from which anybody who has it can read a stored file.

    Args:
        user: who asks.
        bucket: where it lies.
        file_name: the object key.
        expires_in_seconds: 1 to 604,800 (seven days, the limit of Signature Version 4).
        disposition: `attachment` or `inline`; the answer then carries the original name (RFC 6266).

    Raises:
        InvalidField: expiration or disposition.
        InvalidBucketName, InvalidFileName, BucketNotAllowed, FileNotFound: nothing for this user under that name.
        StorageNotConfigured: there is nothing to sign with.
    """
    if not 1 <= expires_in_seconds <= MAX_EXPIRATION_SECONDS:
        raise InvalidField("expiration", f"Give seconds, from 1 to {MAX_EXPIRATION_SECONDS}.")
    if disposition not in (None, *DISPOSITIONS):
        raise InvalidField("disposition", f"Give one of {', '.join(DISPOSITIONS)}, or leave it out.")
    upload = _stored_file(user, bucket, file_name)
    with Operation("file_presign", user=user, bucket=bucket, file_name=file_name, size=upload.size):
        header = disposition and content_disposition_header(disposition == "attachment", upload.original_name)
        return signing.presigned_get_url(
            bucket=bucket, key=file_name, expires_in_seconds=expires_in_seconds, content_disposition=header
        )


def file_delete(*, user: AbstractBaseUser, owner: AbstractBaseUser | None = None, bucket: str, file_name: str) -> None:
    """Remove a file's object, then its record.

    A deletion that S3 interrupted is finished by asking again.

    Args:
        user: who asks.
        owner: whose file it must be, if that matters.
        bucket: where it lies.
        file_name: the object key.

    Raises:
        InvalidBucketName, InvalidFileName, BucketNotAllowed, FileNotFound: nothing for this user under that name.
        FileExists: it is being written at this moment.
        StorageProblem: S3 could not.
    """
    _names_check(user, bucket, file_name)
    records = FileUpload.objects.visible_to(user).at(bucket=bucket, file_name=file_name)
    upload = (records if owner is None else records.filter(user_id=owner.pk)).first()
    if upload is None:
        raise _not_found()
    if upload.status != FileUpload.Status.STORED and not upload.is_abandoned:
        raise FileExists(BUSY) if upload.was_stored else _not_found()
    record_delete(user=user, upload=upload)


def record_delete(*, user: AbstractBaseUser | None, upload: FileUpload) -> None:
    """Remove the object of a record, then the record; for callers who hold the record and may do so.

    Raises:
        FileExists: another request is writing or removing it.
        StorageProblem: S3 could not; ask again.
    """
    with Operation("file_delete", user=user, bucket=upload.bucket, file_name=upload.file_name, size=upload.size):
        if upload.status == FileUpload.Status.PENDING:
            upload_settle(upload=upload)
            if upload.status == FileUpload.Status.PENDING:
                return
        upload.claim(FileUpload.Status.DELETING)
        with settled_on_error(upload):
            object_remove(upload)
            with durable_transaction():
                upload.forget()
                _after_commit(file_deleted, upload)


def _key_claim(
    *, owner: AbstractBaseUser, bucket: str, file_name: str, overwrite: bool, described: dict[str, str]
) -> FileUpload:
    there = FileUpload.objects.at(bucket=bucket, file_name=file_name)
    upload = there.first()
    if upload and upload.is_abandoned:
        upload_settle(upload=upload)
        upload = there.first()
    if upload is None:
        return FileUpload.objects.claim_new(user_id=owner.pk, bucket=bucket, file_name=file_name, **described)
    if upload.status != FileUpload.Status.STORED:
        raise FileExists(BUSY)
    if upload.user_id is None or upload.user_id != owner.pk:
        raise FileExists("A file of that name is there already: choose another name.")
    if not overwrite:
        raise FileExists("You have a file of that name already: choose another, or send overwrite=true.")
    upload.claim(FileUpload.Status.PENDING)
    return upload


def _nothing_there_check(upload: FileUpload) -> None:
    try:
        s3.object_head(bucket=upload.bucket, key=upload.file_name)
    except FileNotFound:
        return
    raise FileExists("Something that was not uploaded here lies under that name: choose another name.")


def _verified_etag(upload: FileUpload, size: int) -> str:
    found = s3.object_head(bucket=upload.bucket, key=upload.file_name)
    if found.size != size or found.metadata.get(WRITTEN_BY) != str(upload.claim_id):
        raise FileExists("Another program wrote to that name at the same time: choose another name.")
    return found.etag


def _stored_file(user: AbstractBaseUser, bucket: str, file_name: str) -> FileUpload:
    _names_check(user, bucket, file_name)
    upload = FileUpload.objects.visible_to(user).stored().at(bucket=bucket, file_name=file_name).first()
    if upload is None:
        raise _not_found()
    return upload


def _names_check(user: AbstractBaseUser, bucket: str, file_name: str) -> None:
    bucket_name_check(bucket)
    file_name_check(file_name)
    bucket_allowed_check(user, bucket)


def _not_found() -> FileNotFound:
    return FileNotFound("You have no stored file of that name in this bucket.")


def _after_commit(signal: Any, upload: FileUpload) -> None:
    tell = partial(signal.send_robust, sender=FileUpload, upload=upload)
    transaction.on_commit(tell, using=router.db_for_write(FileUpload), robust=True)
