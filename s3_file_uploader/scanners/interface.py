"""What a scanner is: a class of any package, named in S3_FILE_UPLOADER_SCANNERS."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from django.utils.module_loading import import_string

from ..conf import conf

if TYPE_CHECKING:
    from ..models import FileUpload


class ScannerProblem(Exception):
    """A scanner did not say what it found: the file stays in quarantine. The message is shown to its owner."""


class ScannerUnavailable(ScannerProblem):
    """The scanner cannot be reached, took too long, or answered with an error of its own: try again."""


class ScanFailed(ScannerProblem):
    """The scanner works, but not on this file: it is tried again much later, and others do not wait behind it."""


class TooLargeToScan(ScannerProblem):
    """The scanner looks at no file of this size; S3_FILE_UPLOADER_SCAN_TOO_LARGE says what becomes of it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a scanner found; `reason` says so in words that the owner of the file may read."""

    is_clean: bool
    reason: str = ""


class Scanner(Protocol):
    """Made anew for each file, without arguments; may be at work in several threads and processes at once."""

    def scan(self, chunks: Iterator[bytes], *, upload: "FileUpload") -> Verdict:
        """Look at the bytes of a file.

        Args:
            chunks: all bytes, in pieces of up to 1 MiB, each read from S3 when it is asked for. What it raises is to
                be passed on; it need not be read to its end.
            upload: the record; not to be changed.

        Raises:
            ScannerUnavailable, ScanFailed, TooLargeToScan: it cannot say.
        """


def scanners() -> list[Scanner]:
    """Return those of the settings, in their order.

    Raises:
        ScannerUnavailable: there is none, so nothing can be found clean.
        ImportError: one cannot be imported.
    """
    made = [cast(Scanner, import_string(path)()) for path in conf.scanner_paths]
    if not made:
        raise ScannerUnavailable("No scanner is set.")
    return made
