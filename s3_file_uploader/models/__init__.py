"""The database tables: upload records, Idempotency-Keys, upload tokens, share links, audit events and usage locks."""

from .audit_event import AuditEvent
from .file_upload import FileUpload
from .idempotency_key import IdempotencyKey
from .lease import BUSY, Within, durable_statement, durable_transaction
from .queries import FileUploadQuerySet, location_digest
from .share_link import ShareLink
from .upload_token import UploadToken
from .usage_lock import UsageLock

__all__ = [
    "BUSY",
    "AuditEvent",
    "FileUpload",
    "FileUploadQuerySet",
    "IdempotencyKey",
    "ShareLink",
    "UploadToken",
    "UsageLock",
    "Within",
    "durable_statement",
    "durable_transaction",
    "location_digest",
]
