"""The methods by which code and templates of a host read the file of a record: `profile.avatar.url`.

The services do the work. They lie above the models, so they are imported when a method is called.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from ..conf import conf

if TYPE_CHECKING:
    from django.core.files import File

SERVICE = "..services.files.open_file"
DEFAULT_SECONDS = 3600


class Readable:
    """Open the file of a record, and sign URLs to it. Nothing here asks who the reader is: the host decides that."""

    @property
    def url(self) -> str:
        """Return a URL that works for S3_FILE_UPLOADER_REDIRECT_EXPIRATION_SECONDS, and shows safe types inline."""
        return self.presigned_url(expires_in_seconds=conf.redirect_expiration_seconds)

    def presigned_url(self, *, expires_in_seconds: int = DEFAULT_SECONDS, disposition: str = "inline") -> str:
        """Return a URL of the file; every client that has it can read the file.

        Args:
            expires_in_seconds: 1 to 604,800 (seven days).
            disposition: `attachment` to save the file; `inline` to show it, if its type is safe.

        Raises:
            FileNotFound, FileQuarantined, FileRejected: the file cannot be read.
            S3FileUploaderError: an argument is invalid, or S3 could not.
        """
        options = {"expires_in_seconds": expires_in_seconds, "disposition": disposition}
        return str(_service().stored_presign(upload=self, **options).url)

    def open(self) -> "File[bytes]":
        """Return the file, open for reading: streamed from S3, and seekable by ranges. Close it after use.

        Raises:
            FileNotFound, FileQuarantined, FileRejected: the file cannot be read.
            StorageProblem: S3 could not.
        """
        return cast("File[bytes]", _service().stored_open(upload=self))


def _service() -> Any:
    return import_module(SERVICE, __package__)
