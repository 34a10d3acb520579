"""The tables: upload records, Idempotency-Keys, tokens, share links, audit events, usage locks, last housekeeping."""

from .audit_event import AuditEvent
from .file_upload import FileUpload
from .housekeeping_run import HousekeepingRun
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
    "HousekeepingRun",
    "IdempotencyKey",
    "ShareLink",
    "UploadToken",
    "UsageLock",
    "Within",
    "durable_statement",
    "durable_transaction",
    "location_digest",
]
