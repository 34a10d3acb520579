"""Read files of file fields, and list their names."""

from io import BufferedReader

from django.contrib.auth.base_user import AbstractBaseUser

from ...models import FileUpload
from ...s3.transfer.object_io import ObjectIO
from ...values import PAGE_KEYS
from ..audit.operation import Operation
from ..files.recorded_files import Position, recorded_files

BUFFER_BYTES = 64 * 1024


def field_file_open(*, user: AbstractBaseUser | None, upload: FileUpload) -> BufferedReader:
    """Open a stored file: streamed from S3 as it is read, and seekable by ranges.

    Args:
        user: the user of the request, for the audit trail.
        upload: a record that says that the file may be read.

    Returns:
        A file of bytes. The first read asks S3. Close it, or the call to S3 stays open.
    """
    with Operation.on("file_read", user=user, upload=upload):
        return BufferedReader(ObjectIO(**upload.s3_address, etag=upload.etag, size=upload.size or 0), BUFFER_BYTES)


def list_names(bucket: str, folder: str) -> tuple[list[str], list[str]]:
    """Return the names of the folders and of the stored files in a folder, from the records, in the order of keys.

    Args:
        bucket: name of the bucket.
        folder: the beginning of the keys, empty or with a slash at its end.
    """
    records = FileUpload.objects.by_key(bucket)
    folders: list[str] = []
    files: list[str] = []
    position: Position | None = None
    while True:
        page = recorded_files(records=records, prefix=folder, delimiter="/", position=position, page_size=PAGE_KEYS)
        folders += [prefix.removeprefix(folder).rstrip("/") for prefix in page.prefixes]
        files += [upload.file_name.removeprefix(folder) for upload in page.uploads]
        position = page.end
        if position is None:
            return folders, files
