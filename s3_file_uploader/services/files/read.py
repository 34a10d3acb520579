"""Deliver a stored file: save it on this server, stream it, or sign a URL for it."""

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from typing import Literal

from django.contrib.auth.base_user import AbstractBaseUser

from ...conf import conf
from ...content_types.sniff import get_canonical_type, may_run
from ...exceptions import InvalidField, StorageError
from ...models import FileUpload
from ...s3 import presign
from ...s3.transfer.object_reader import read_object
from ...values import DISPOSITIONS, MAX_EXPIRATION_SECONDS, PresignedUrl, SavedFile, mib
from ..audit.operation import Operation
from ..download_folder.copies import remove_copy_of_file
from ..download_folder.index import save_copy
from ..limits import get_upload_policy
from ..lookup import file_find, file_not_found
from ..scanning.scan import validate_unchanged

# Larger writes make the kernel look for contiguous memory, which took twice the time where memory was fragmented.
PIECE_BYTES = mib(1) // 16


def file_download(*, user: AbstractBaseUser, bucket: str, file_name: str) -> SavedFile:
    """Save a stored file as PATH_TO_SAVE_FILE/<bucket>/<file_name>, whole or not at all.

    Raises:
        InvalidBucketName, InvalidFileName, BucketNotAllowed, FileNotFound: the user has no such file.
        StorageNotConfigured, DownloadFolderFull, FileExists: the folder cannot take the file.
        StorageError: the bytes in S3 are not the stored ones; another program changed the object.
        StorageProblem: S3 failed.
    """
    upload = file_find(user=user, bucket=bucket, file_name=file_name)
    size, file_name = upload.size or 0, upload.file_name
    with (
        Operation.on("file_download", user=user, upload=upload),
        save_copy(
            conf.download_folder, path := f"{bucket}/{file_name}", size=size, max_bytes=conf.download_max_bytes
        ) as file,
    ):
        digest = sha256()
        chunks = read_object(bucket=bucket, key=file_name, etag=upload.etag, start=0, stop=size)
        with closing(_hash_beside(chunks, digest.update)) as hashed:
            file.writelines(hashed)
        if upload.checksum_sha256 and digest.hexdigest() != upload.checksum_sha256:
            raise StorageError("S3 holds other bytes than were stored: try again, or upload the file anew.")
    if not FileUpload.objects.filter(pk=upload.pk).exclude(status=FileUpload.Status.DELETING).exists():
        # The file was deleted meanwhile, before its copy was complete.
        remove_copy_of_file(bucket=bucket, file_name=file_name)
        raise file_not_found()
    return SavedFile(path=path, file_name=file_name, bucket=bucket, size=size, etag=upload.etag)


def _hash_beside(chunks: Iterator[bytes], update: Callable[[bytes], None]) -> Generator[memoryview]:
    """Yield the chunks in pieces, and hash each chunk in a thread while the caller writes and S3 sends the next one."""
    with ThreadPoolExecutor(1) as thread:
        hashed = None
        for chunk in chunks:
            if hashed:
                hashed.result()
            hashed = thread.submit(update, chunk)
            view = memoryview(chunk)
            yield from (view[start : start + PIECE_BYTES] for start in range(0, len(view), PIECE_BYTES))


def file_read(*, user: AbstractBaseUser, upload: FileUpload, start: int, stop: int) -> Iterator[bytes]:
    """Read a stored file through this server, in chunks; closing the iterator ends the call to S3.

    Args:
        user: the caller.
        upload: a record that `file_find` returned for the user.
        start: the first byte, counted from 0.
        stop: the byte after the last.

    Yields:
        Bytes `start` to `stop` of the file.

    Raises:
        StorageError: another program changed the object.
        FileNotFound, StorageProblem: S3 failed.
    """
    with Operation.on("file_read", user=user, upload=upload) as operation:
        operation.size = stop - start
        yield from read_object(bucket=upload.bucket, key=upload.file_name, etag=upload.etag, start=start, stop=stop)


def file_presign(
    *,
    user: AbstractBaseUser,
    bucket: str,
    file_name: str,
    expires_in_seconds: int = 3600,
    disposition: str = "attachment",
) -> PresignedUrl:
    """Sign a URL of a stored file; every client that has it can read the file.

    Args:
        user: the caller.
        bucket: of the file.
        file_name: the object key.
        expires_in_seconds: 1 to 604,800 (seven days, the limit of Signature Version 4).
        disposition: `attachment`, the default, or `inline`, if the type of the file allows it.

    Raises:
        InvalidField: expiration or disposition is invalid.
        InvalidBucketName, InvalidFileName, BucketNotAllowed, FileNotFound: the user has no such file.
        FileQuarantined: the file is not scanned yet, or was rewritten since.
        StorageNotConfigured: there are no credentials to sign with.
        StorageProblem: S3 could not confirm that a file which clients may rewrite is unchanged.
    """
    if not 1 <= expires_in_seconds <= MAX_EXPIRATION_SECONDS:
        raise InvalidField("expiration", f"Give seconds, from 1 to {MAX_EXPIRATION_SECONDS}.")
    if disposition not in DISPOSITIONS:
        raise InvalidField("disposition", f"Give one of {', '.join(DISPOSITIONS)}, or leave it out.")
    upload = file_find(user=user, bucket=bucket, file_name=file_name)
    with Operation.on("file_presign", user=user, upload=upload):
        return sign_file_url(upload, "GET", expires_in_seconds, disposition)


def file_redirect(
    *, user: AbstractBaseUser, upload: FileUpload, method: Literal["GET", "HEAD"], disposition: str
) -> PresignedUrl:
    """Sign a URL for the redirect of a request for a stored file; it expires soon.

    Args:
        user: the caller.
        upload: a record that `file_find` returned for the user.
        method: the method of the request to S3; a signature is for one method.
        disposition: `attachment`, or `inline`, if the type of the file allows it.

    Raises:
        StorageNotConfigured: there are no credentials to sign with.
        FileNotFound, FileQuarantined, StorageProblem: as `file_presign`.
    """
    with Operation.on("file_redirect", user=user, upload=upload):
        return sign_file_url(upload, method, conf.redirect_expiration_seconds, disposition)


def file_disposition(upload: FileUpload, disposition: str) -> str:
    """Return the header that names a file (RFC 6266); browsers show the file only if its type is safe.

    Args:
        upload: the record.
        disposition: `attachment` or `inline`; `inline` applies only if the policy of the owner lists the type of the
            file, and never to a type that a browser may run.
    """
    content_type = upload.served_content_type
    if disposition != "inline" or may_run(content_type):
        return upload.content_disposition("attachment")
    may_be_shown = get_upload_policy(upload).allows_inline(get_canonical_type(content_type))
    return upload.content_disposition("inline" if may_be_shown else "attachment")


def sign_file_url(
    upload: FileUpload, method: Literal["GET", "HEAD"], expires_in_seconds: int, disposition: str
) -> PresignedUrl:
    """Sign a URL to the bytes that a record describes; errors as `file_redirect`."""
    validate_unchanged(upload)
    return presign.presign_url(
        method=method,
        bucket=upload.bucket,
        key=upload.file_name,
        expires_in_seconds=expires_in_seconds,
        content_disposition=file_disposition(upload, disposition),
        content_type=upload.served_content_type,
    )
