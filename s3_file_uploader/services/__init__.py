"""The use cases, each in a stated order of S3 and record, so that a crash at any point leaves what can be mended."""

from .buckets import bucket_create, bucket_list, bucket_remove
from .files import file_delete, file_download, file_presign, file_upload, record_delete
from .health import health_check
from .settlement import upload_settle

__all__ = [
    "bucket_create",
    "bucket_list",
    "bucket_remove",
    "file_delete",
    "file_download",
    "file_presign",
    "file_upload",
    "health_check",
    "record_delete",
    "upload_settle",
]
