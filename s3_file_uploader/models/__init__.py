"""What the database keeps: the record of each upload, and the keys under which clients repeat a request."""

from .claims import BUSY
from .file_upload import FileUpload, durable_transaction, location_digest
from .idempotency_key import IdempotencyKey
from .written_once import record_of

__all__ = ["BUSY", "FileUpload", "IdempotencyKey", "durable_transaction", "location_digest", "record_of"]
