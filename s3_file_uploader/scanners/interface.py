"""The interface of a scanner. S3_FILE_UPLOADER_SCANNERS names classes that implement it, from any package."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from django.utils.module_loading import import_string

from ..conf import conf

if TYPE_CHECKING:
    from ..models import FileUpload


class ScannerProblem(Exception):
    """Raised if a scanner returns no verdict. The file stays in quarantine, and its owner sees the message."""


class ScannerUnavailable(ScannerProblem):
    """Raised if the scanner is unreachable, is too slow, or fails. The scan is retried soon."""


class ScanFailed(ScannerProblem):
    """Raised if a working scanner fails on this file. The scan is retried much later, and other files go first."""


class TooLargeToScan(ScannerProblem):
    """Raised if the file is too large for the scanner. S3_FILE_UPLOADER_SCAN_TOO_LARGE decides what happens to it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of a scan. `reason` describes it in words that the owner of the file may read."""

    is_clean: bool
    reason: str = ""


class Scanner(Protocol):
    """A class whose instances scan one file each. They are made without arguments, and may scan in several threads."""

    def scan(self, chunks: Iterator[bytes], *, upload: "FileUpload") -> Verdict:
        """Scan the bytes of a file.

        Args:
            chunks: the content in chunks of up to 1 MiB, each read from S3 on demand. Let the errors that it raises
                pass. The scanner need not read all chunks.
            upload: the record of the file. The scanner must not change it.

        Raises:
            ScannerUnavailable, ScanFailed, TooLargeToScan: the scanner has no verdict.
        """


def load_scanners() -> list[Scanner]:
    """Return an instance of each scanner of the settings, in their order.

    Raises:
        ScannerUnavailable: the settings name no scanner, so no file can be found clean.
        ImportError: a scanner cannot be imported.
    """
    scanners = [cast(Scanner, import_string(path)()) for path in conf.scanner_paths]
    if not scanners:
        raise ScannerUnavailable("No scanner is set.")
    return scanners
