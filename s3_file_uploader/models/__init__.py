"""What the database keeps: the record of each upload, the keys of repeated requests, upload tokens, who did what."""

from .audit_event import AuditEvent
from .claims import BUSY
from .file_upload import FileUpload, durable_transaction, location_digest
from .idempotency_key import IdempotencyKey
from .upload_token import UploadToken

__all__ = [
    "BUSY",
    "AuditEvent",
    "FileUpload",
    "IdempotencyKey",
    "UploadToken",
    "durable_transaction",
    "location_digest",
]
