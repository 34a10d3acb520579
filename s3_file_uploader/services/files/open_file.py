"""Read a stored file, and sign URLs of it, for code of the host that has decided who may read."""

from typing import Any, cast

from django.core.files import File

from ...exceptions import FileNotFound, FileQuarantined, InvalidField
from ...models import FileUpload
from ...s3.transfer.object_io import ObjectIO
from ...values import DISPOSITIONS, MAX_EXPIRATION_SECONDS, PresignedUrl
from ..audit.operation import Operation
from ..lookup import raise_if_rejected
from ..scanning.scan import validate_unchanged
from .read import sign_file_url

WAITS = "The file is being scanned: try again in a moment."
GONE = "The file is not stored."


def stored_open(*, upload: FileUpload) -> "File[bytes]":
    """Open a stored file for reading, for code of the host that may read it.

    Bytes are streamed from S3 as they are read. A seek costs nothing until the next read, which then asks S3 for the
    range from there on.

    Args:
        upload: the record.

    Returns:
        A file in binary mode, with `name`, `size` and `chunks()`. Close it, or the call to S3 stays open.

    Raises:
        FileNotFound, FileQuarantined, FileRejected: it cannot be read.
        StorageProblem: S3 could not confirm that a file which clients may rewrite is unchanged. Reading may raise it
            too.
    """
    validate_readable(upload)
    validate_unchanged(upload)
    with Operation.on("file_read", user=None, upload=upload):
        content: Any = ObjectIO(**upload.s3_address, etag=upload.etag, size=upload.size or 0)
    file: Any = File(content, name=upload.original_name)
    file.size = upload.size or 0
    return cast("File[bytes]", file)


def stored_presign(*, upload: FileUpload, expires_in_seconds: int, disposition: str = "inline") -> PresignedUrl:
    """Sign a URL of a stored file, for code of the host that may read it.

    Args:
        upload: the record.
        expires_in_seconds: 1 to 604,800.
        disposition: `attachment`, or `inline`, which applies if the type of the file allows it.

    Raises:
        InvalidField: expiration or disposition is invalid.
        FileNotFound, FileQuarantined, FileRejected: it cannot be read.
        StorageNotConfigured, StorageProblem: as `file_presign`.
    """
    if not 1 <= expires_in_seconds <= MAX_EXPIRATION_SECONDS:
        raise InvalidField("expires_in_seconds", f"Give seconds, from 1 to {MAX_EXPIRATION_SECONDS}.")
    if disposition not in DISPOSITIONS:
        raise InvalidField("disposition", f"Give one of {', '.join(DISPOSITIONS)}.")
    validate_readable(upload)
    return sign_file_url(upload, "GET", expires_in_seconds, disposition)


def validate_readable(upload: FileUpload) -> None:
    """Pass if the record says that the file may be read.

    Raises:
        FileNotFound, FileQuarantined, FileRejected: it may not.
    """
    raise_if_rejected(upload)
    if upload.status == FileUpload.Status.QUARANTINED:
        raise FileQuarantined(upload.status_reason or WAITS)
    if upload.status != FileUpload.Status.STORED:
        raise FileNotFound(GONE)
