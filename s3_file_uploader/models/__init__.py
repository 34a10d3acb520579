"""What the database keeps: records of uploads, keys of repeated requests, tokens, share links, who did what."""

from .audit_event import AuditEvent
from .claims import BUSY
from .file_upload import FileUpload, durable_transaction, location_digest
from .idempotency_key import IdempotencyKey
from .share_link import ShareLink
from .upload_token import UploadToken

__all__ = [
    "BUSY",
    "AuditEvent",
    "FileUpload",
    "IdempotencyKey",
    "ShareLink",
    "UploadToken",
    "durable_transaction",
    "location_digest",
]
