"""The host project with throttles that are counted in a cache that all processes share."""

import os

from modules.settings import *  # noqa: F403 - the host's own
from modules.settings import DATA_DIR

BACKENDS = {
    "file": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": str(DATA_DIR / "cache")},
    "database": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "throttle_cache"},
}
CACHES = {"default": BACKENDS[os.environ.get("THROTTLE_CACHE") or "file"]}
S3_FILE_UPLOADER_THROTTLE_RATES = {"list": "60/h", "upload": "1/h"}
