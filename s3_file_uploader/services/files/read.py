"""Give out a stored file: save it on this server, read it through, or sign a URL for it."""

from collections.abc import Iterator
from typing import Literal

from django.contrib.auth.base_user import AbstractBaseUser

from ...conf import conf
from ...content_types.sniff import get_canonical_type, may_run
from ...exceptions import InvalidField, StorageError
from ...models import FileUpload
from ...s3 import presign
from ...s3.transfer.object_reader import object_fetch, object_read
from ...values import DISPOSITIONS, MAX_EXPIRATION_SECONDS, PresignedUrl, SavedFile
from ..audit.operation import Operation
from ..download_folder.copies import copy_of_file_remove
from ..download_folder.index import copy_saved
from ..limits import policy_of
from ..lookup import file_find, file_not_found
from ..scanning.scan import unchanged_check


def file_download(*, user: AbstractBaseUser, bucket: str, file_name: str) -> SavedFile:
    """Save a stored file as PATH_TO_SAVE_FILE/<bucket>/<file_name>, whole or not at all.

    Raises:
        InvalidBucketName, InvalidFileName, BucketNotAllowed, FileNotFound: nothing for this user under that name.
        StorageNotConfigured, DownloadFolderFull, FileExists: the folder cannot take it.
        StorageError: what S3 gave is not what was stored; another program changed the object.
        StorageProblem: S3 could not.
    """
    upload = file_find(user=user, bucket=bucket, file_name=file_name)
    size, file_name = upload.size or 0, upload.file_name
    with (
        Operation.on("file_download", user=user, upload=upload),
        copy_saved(
            conf.download_folder, path := f"{bucket}/{file_name}", size=size, max_bytes=conf.download_max_bytes
        ) as file,
    ):
        checksum = object_fetch(bucket=bucket, key=file_name, etag=upload.etag, size=size, file=file)
        if upload.checksum_sha256 and checksum != upload.checksum_sha256:
            raise StorageError("S3 holds other bytes than were stored: try again, or upload the file anew.")
    if not FileUpload.objects.filter(pk=upload.pk).exclude(status=FileUpload.Status.DELETING).exists():
        # The removal of the file looked for its copy before that was whole.
        copy_of_file_remove(bucket=bucket, file_name=file_name)
        raise file_not_found()
    return SavedFile(path=path, file_name=file_name, bucket=bucket, size=size, etag=upload.etag)


def file_read(*, user: AbstractBaseUser, upload: FileUpload, start: int, stop: int) -> Iterator[bytes]:
    """Read a stored file through this server, in pieces of bounded size; closing the iterator ends the call to S3.

    Args:
        user: who asks.
        upload: of whom `file_find` said that the user may read it.
        start: the first byte, counted from 0.
        stop: the byte behind the last.

    Yields:
        Bytes `start` to `stop` of the file.

    Raises:
        StorageError: another program changed the object.
        FileNotFound, StorageProblem: S3 could not.
    """
    with Operation.on("file_read", user=user, upload=upload) as operation:
        operation.size = stop - start
        yield from object_read(bucket=upload.bucket, key=upload.file_name, etag=upload.etag, start=start, stop=stop)


def file_presign(
    *,
    user: AbstractBaseUser,
    bucket: str,
    file_name: str,
    expires_in_seconds: int = 3600,
    disposition: str = "attachment",
) -> PresignedUrl:
    """Sign a URL from which anybody who has it can read a stored file.

    Args:
        user: who asks.
        bucket: where it lies.
        file_name: the object key.
        expires_in_seconds: 1 to 604,800 (seven days, the limit of Signature Version 4).
        disposition: `attachment`, the default, or `inline`, where the type of the file allows that.

    Raises:
        InvalidField: expiration or disposition.
        InvalidBucketName, InvalidFileName, BucketNotAllowed, FileNotFound: nothing for this user under that name.
        FileQuarantined: it is not clean yet, or was rewritten since.
        StorageNotConfigured: there is nothing to sign with.
        StorageProblem: S3 could not say whether a file that may be rewritten is the same.
    """
    if not 1 <= expires_in_seconds <= MAX_EXPIRATION_SECONDS:
        raise InvalidField("expiration", f"Give seconds, from 1 to {MAX_EXPIRATION_SECONDS}.")
    if disposition not in DISPOSITIONS:
        raise InvalidField("disposition", f"Give one of {', '.join(DISPOSITIONS)}, or leave it out.")
    upload = file_find(user=user, bucket=bucket, file_name=file_name)
    with Operation.on("file_presign", user=user, upload=upload):
        return _signed(upload, "GET", expires_in_seconds, disposition)


def file_redirect(
    *, user: AbstractBaseUser, upload: FileUpload, method: Literal["GET", "HEAD"], disposition: str
) -> PresignedUrl:
    """Sign a URL to which a request for a stored file is sent on; it works just long enough for that.

    Args:
        user: who asks.
        upload: of whom `file_find` said that the user may read it.
        method: what the client will send there; a signature is for one method.
        disposition: `attachment`, or `inline`, where the type of the file allows that.

    Raises:
        StorageNotConfigured: there is nothing to sign with.
        FileNotFound, FileQuarantined, StorageProblem: as `file_presign`.
    """
    with Operation.on("file_redirect", user=user, upload=upload):
        return _signed(upload, method, conf.redirect_expiration_seconds, disposition)


def file_disposition(upload: FileUpload, wanted: str) -> str:
    """Return the header that names a file (RFC 6266), and has a browser show it only where that is safe.

    Args:
        upload: the record.
        wanted: `attachment` or `inline`; the latter counts where the policy of the owner lists the type of the file,
            and never for one that a browser may run.
    """
    content_type = upload.served_content_type
    may_be_shown = not may_run(content_type) and policy_of(upload).allows_inline(get_canonical_type(content_type))
    return upload.content_disposition("inline" if wanted == "inline" and may_be_shown else "attachment")


def _signed(
    upload: FileUpload, method: Literal["GET", "HEAD"], expires_in_seconds: int, disposition: str
) -> PresignedUrl:
    unchanged_check(upload)
    return presign.presigned_url(
        method=method,
        bucket=upload.bucket,
        key=upload.file_name,
        expires_in_seconds=expires_in_seconds,
        content_disposition=file_disposition(upload, disposition),
        content_type=upload.served_content_type,
    )
