"""The use cases, each in a stated order of S3 and record, so that a crash at any point leaves what can be mended."""

from .buckets.buckets import bucket_create, bucket_list, bucket_remove
from .buckets.cors import cors_check, cors_list, cors_remove, cors_set
from .buckets.health import database_health_check, health_check, storage_health_forget
from .direct_uploads.complete import upload_complete
from .direct_uploads.parts import upload_parts, upload_parts_sign
from .direct_uploads.start import StartedUpload, upload_key, upload_start
from .doctor.run import doctor_examine
from .files.delete import file_delete, record_delete, upload_abort, upload_delete
from .files.list_objects import FolderListing, folder_list, object_list
from .files.read import file_disposition, file_download, file_presign, file_read, file_redirect
from .files.share_links import NewShareLink, share_create, share_follow, share_list, share_revoke
from .housekeeping.compare import bucket_compare
from .housekeeping.recover import upload_recover
from .housekeeping.repairs import Repairs
from .housekeeping.run import housekeeping_buckets, housekeeping_run
from .lookup import file_find, own_upload_find, upload_find, upload_id_in, upload_list
from .quota import usage_find
from .recovery import upload_settle
from .scanning.queue import upload_scan_again, waiting_scan
from .scanning.scan import upload_scan
from .upload_tokens import (
    upload_token_create,
    upload_token_find,
    upload_token_list,
    upload_token_remove,
    upload_token_revoke,
)
from .uploads.receive import IncomingFile, file_receive, file_upload
from .uploads.repeated import upload_answered, upload_repeated

__all__ = [
    "FolderListing",
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
    "doctor_examine",
    "file_delete",
    "file_disposition",
    "file_download",
    "file_find",
    "file_presign",
    "file_read",
    "file_receive",
    "file_redirect",
    "file_upload",
    "folder_list",
    "health_check",
    "housekeeping_buckets",
    "housekeeping_run",
    "object_list",
    "own_upload_find",
    "record_delete",
    "share_create",
    "share_follow",
    "share_list",
    "share_revoke",
    "storage_health_forget",
    "upload_abort",
    "upload_answered",
    "upload_complete",
    "upload_delete",
    "upload_find",
    "upload_id_in",
    "upload_key",
    "upload_list",
    "upload_parts",
    "upload_parts_sign",
    "upload_recover",
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
