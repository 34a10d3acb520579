"""The use cases, each in a stated order of S3 and record, so that a crash at any point leaves what can be mended."""

from .buckets import bucket_create, bucket_list, bucket_remove
from .comparison import bucket_compare
from .completion import upload_complete
from .cors import cors_check, cors_list, cors_remove, cors_set
from .deletion import file_delete, record_delete, upload_abort, upload_delete
from .direct import StartedUpload, upload_key, upload_start
from .files import file_disposition, file_download, file_presign, file_read, file_redirect
from .health import database_health_check, health_check, storage_health_forget
from .housekeeping import housekeeping_buckets, housekeeping_run
from .objects import object_list
from .parts import upload_parts, upload_parts_sign
from .quarantine import upload_scan_again, waiting_scan
from .records import file_find, own_upload_find, upload_find, upload_id_in, upload_list
from .repairs import Repairs
from .scanning import upload_scan
from .settlement import upload_settle
from .shares import NewShareLink, share_create, share_follow, share_list, share_list_of_file, share_revoke
from .upload_tokens import (
    upload_token_create,
    upload_token_find,
    upload_token_list,
    upload_token_remove,
    upload_token_revoke,
)
from .uploads import IncomingFile, file_receive, file_upload, upload_repeated
from .usage import usage_find

__all__ = [
    "IncomingFile",
    "NewShareLink",
    "Repairs",
    "StartedUpload",
    "bucket_compare",
    "bucket_create",
    "bucket_list",
    "bucket_remove",
    "cors_check",
    "cors_list",
    "cors_remove",
    "cors_set",
    "database_health_check",
    "file_delete",
    "file_disposition",
    "file_download",
    "file_find",
    "file_presign",
    "file_read",
    "file_receive",
    "file_redirect",
    "file_upload",
    "health_check",
    "housekeeping_buckets",
    "housekeeping_run",
    "object_list",
    "own_upload_find",
    "record_delete",
    "share_create",
    "share_follow",
    "share_list",
    "share_list_of_file",
    "share_revoke",
    "storage_health_forget",
    "upload_abort",
    "upload_complete",
    "upload_delete",
    "upload_find",
    "upload_id_in",
    "upload_key",
    "upload_list",
    "upload_parts",
    "upload_parts_sign",
    "upload_repeated",
    "upload_scan",
    "upload_scan_again",
    "upload_settle",
    "upload_start",
    "upload_token_create",
    "upload_token_find",
    "upload_token_list",
    "upload_token_remove",
    "upload_token_revoke",
    "usage_find",
    "waiting_scan",
]
