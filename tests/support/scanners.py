"""Scanners for tests. The settings name them by their dotted paths."""

from collections.abc import Callable

from s3_file_uploader.scanners import ScanFailed, ScannerUnavailable, TooLargeToScan, Verdict

VIRUS = b"a virus"
FOUND_VIRUS = "It found a virus."
# Functions that the scanner calls while it reads. Tests add some.
meanwhile: list[Callable[[], object]] = []


class LooksForVirus:
    """Read all chunks, then call the functions in `meanwhile`."""

    def scan(self, chunks, *, upload):
        content = b"".join(chunks)
        while meanwhile:
            meanwhile.pop()()
        return Verdict(VIRUS not in content, FOUND_VIRUS if VIRUS in content else "")


class Silent(LooksForVirus):
    def scan(self, chunks, *, upload):
        return Verdict(is_clean=super().scan(chunks, upload=upload).is_clean)


class Down:
    def scan(self, chunks, *, upload):
        raise ScannerUnavailable("It cannot be reached.")


class Small:
    def scan(self, chunks, *, upload):
        raise TooLargeToScan("It is too large.")


class Puzzled:
    def scan(self, chunks, *, upload):
        raise ScanFailed("It makes no sense.")


class Broken:
    def scan(self, chunks, *, upload):
        raise ZeroDivisionError


class NoScanner:
    pass


KINDS = (LooksForVirus, Silent, Down, Small, Puzzled, Broken)
NAMED = {kind.__name__: f"tests.support.scanners.{kind.__name__}" for kind in KINDS}


def use(settings, *names):
    settings.S3_FILE_UPLOADER_SCANNERS = [NAMED[name] for name in names]
