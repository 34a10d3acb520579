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


def list_names(bucket: str, folder: str, *, skips_folders: bool) -> tuple[list[str], list[str]]:
    """Return the names of the folders and of the stored files in a folder, from the records, in the order of keys.

    Args:
        bucket: name of the bucket.
        folder: the beginning of the keys, empty or with a slash at its end.
        skips_folders: make a query for each folder, instead of reading the records in them. Use it unless each folder
            holds one file.
    """
    records = FileUpload.objects.by_key(bucket)
    folders: dict[str, None] = {}
    files: list[str] = []
    position: Position | None = None
    while True:
        page = recorded_files(
            records=records,
            prefix=folder,
            delimiter="/" if skips_folders else "",
            position=position,
            page_size=PAGE_KEYS,
        )
        for key in (*page.prefixes, *(upload.file_name for upload in page.uploads)):
            name, slash, _ = key.removeprefix(folder).partition("/")
            if slash:
                folders[name] = None
            else:
                files.append(name)
        position = page.end
        if position is None:
            return [*folders], files
