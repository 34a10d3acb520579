"""The host project as docs/how-to/several-hosts.md configures it, and a scanner that counts."""

import os
import time

from modules.settings import *  # noqa: F403 - the host's own
from modules.settings import REST_FRAMEWORK
from s3_file_uploader.values import mib
from tests.support.scanners import LooksForVirus
from tests.support.wrong_clock import put_clock_ahead

if os.environ.get("CLOCK_AHEAD_SECONDS"):
    put_clock_ahead(float(os.environ["CLOCK_AHEAD_SECONDS"]))
SCANS = os.environ.get("SCANS", os.devnull)
SCAN_TAKES_SECONDS = 0.3

CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": os.environ["REDIS_URL"]}}
REST_FRAMEWORK["NUM_PROXIES"] = 1

S3_FILE_UPLOADER_THROTTLE_RATES = {"share": "20/h"}
# Less than the difference of wrong clocks: by its own clock, a host would find the claims of another expired.
S3_FILE_UPLOADER_CLAIM_SECONDS = 120
S3_FILE_UPLOADER_AUDIT_ROWS = True
S3_FILE_UPLOADER_POLICIES = {"quota-*": {"quota_files": 5}}
S3_FILE_UPLOADER_DIRECT_PART_SIZE_BYTES = mib(5)
S3_FILE_UPLOADER_DIRECT_MULTIPART_FROM_BYTES = mib(6)
S3_FILE_UPLOADER_SCANNERS = ["tests.integration.hosts.settings.Counts"]
S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 1000


class Counts(LooksForVirus):
    """Write down each scan of a larger file, which takes a moment."""

    def scan(self, chunks, *, upload):
        """Return the verdict."""
        if upload.size > S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES:
            time.sleep(SCAN_TAKES_SECONDS)
            file = os.open(SCANS, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(file, f"{upload.pk}\n".encode())
            os.close(file)
        return super().scan(chunks, upload=upload)
