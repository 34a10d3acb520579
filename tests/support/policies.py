"""The host's settings with a policy for each kind of bucket of `test_policy.py`."""

from modules.settings import *  # noqa: F403

FILES, BYTES = 7, 7_500
UPPY_BUCKET = "quota-of-uppy"

S3_FILE_UPLOADER_UPPY_BUCKET = UPPY_BUCKET
S3_FILE_UPLOADER_POLICIES = {
    "limited-*": {
        "key_prefix": "users/{user_id}/",
        "max_file_bytes": 2**20,
        "content_types": ["text/plain", "image/*"],
        "extensions": ["txt", "png"],
        "may_overwrite": False,
    },
    "quota-files-*": {"quota_files": FILES},
    "quota-bytes-*": {"quota_bytes": BYTES},
    "quota-middle-*": {"quota_bytes": 2**20},
    UPPY_BUCKET: {"quota_files": FILES, "key_prefix": "users/{user_id}/"},
}
