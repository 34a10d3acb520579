"""The host project for the tests of the console: small parts, buckets with limits, and a scanner."""

from modules.settings import *  # noqa: F403 - the host's own
from modules.settings import DATA_DIR
from s3_file_uploader.scanners import ScannerUnavailable
from s3_file_uploader.values import mib
from tests.support.scanners import LooksForVirus

SCANNER_IS_DOWN = DATA_DIR / "scanner-is-down"

S3_FILE_UPLOADER_DIRECT_PART_SIZE_BYTES = mib(5)
S3_FILE_UPLOADER_DIRECT_MULTIPART_FROM_BYTES = mib(6)
S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = mib(200)
S3_FILE_UPLOADER_SCANNERS = ["tests.support.console_settings.SometimesDown"]
S3_FILE_UPLOADER_POLICIES = {
    "limited-*": {"max_file_bytes": mib(1), "extensions": ["txt", "jpg"], "quota_files": 40},
    "picky-*": {"extensions": ["mp4", "txt"]},
    "full-*": {"quota_bytes": mib(8)},
}


class SometimesDown(LooksForVirus):
    """Look for a virus, unless a test has put the scanner down."""

    def scan(self, chunks, *, upload):
        """Return the verdict."""
        if SCANNER_IS_DOWN.exists():
            raise ScannerUnavailable("The scanner is being repaired.")
        return super().scan(chunks, upload=upload)
