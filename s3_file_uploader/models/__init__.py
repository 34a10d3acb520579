"""What the database keeps: the record of each upload, the keys under which clients repeat a request, upload tokens.

And the locks under which quotas are counted.
"""

from .claims import BUSY, Within
from .file_upload import FileUpload, FileUploadQuerySet, durable_transaction, location_digest
from .idempotency_key import IdempotencyKey
from .upload_token import UploadToken
from .usage_lock import UsageLock

__all__ = [
    "BUSY",
    "FileUpload",
    "FileUploadQuerySet",
    "IdempotencyKey",
    "UploadToken",
    "UsageLock",
    "Within",
    "durable_transaction",
    "location_digest",
]
