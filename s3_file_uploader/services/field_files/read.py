"""Read the records of file fields: list names, and sign URLs."""

from ...exceptions import InvalidField
from ...models import FileUpload
from ...values import DISPOSITIONS, MAX_EXPIRATION_SECONDS, PAGE_KEYS
from ..files.read import sign_file_url
from ..files.recorded_objects import Position, recorded_objects


def sign_field_file_url(upload: FileUpload, *, expires_in_seconds: int, disposition: str) -> str:
    """Return a URL by which a browser reads a stored file.

    Args:
        upload: a stored file.
        expires_in_seconds: 1 to 604,800.
        disposition: `inline`, if the policy lists the type of the file, or `attachment`.

    Raises:
        InvalidField: an argument is out of range.
        StorageNotConfigured: there are no credentials to sign with.
        FileNotFound, FileQuarantined, StorageProblem: an older file that its client can still rewrite has changed.
    """
    if not 1 <= expires_in_seconds <= MAX_EXPIRATION_SECONDS:
        raise InvalidField("expires_in_seconds", f"Give seconds, from 1 to {MAX_EXPIRATION_SECONDS}.")
    if disposition not in DISPOSITIONS:
        raise InvalidField("disposition", f"Give one of {', '.join(DISPOSITIONS)}.")
    return sign_file_url(upload, "GET", expires_in_seconds, disposition).url


def list_names(bucket: str, folder: str) -> tuple[list[str], list[str]]:
    """Return the names of the folders and of the stored files in a folder, from the records, in the order of keys.

    Args:
        bucket: name of the bucket.
        folder: the beginning of the keys, empty or with a slash at its end.
    """
    folders: list[str] = []
    files: list[str] = []
    position: Position | None = None
    while True:
        page, position = recorded_objects(
            records=FileUpload.objects.all(),
            bucket=bucket,
            prefix=folder,
            delimiter="/",
            position=position,
            page_size=PAGE_KEYS,
        )
        folders += [prefix.removeprefix(folder).rstrip("/") for prefix in page.prefixes]
        files += [entry.file_name.removeprefix(folder) for entry in page.objects]
        if position is None:
            return folders, files
