"""What the database keeps: the record of each upload, the keys under which clients repeat a request, upload tokens."""

from .claims import BUSY
from .file_upload import FileUpload, durable_transaction, location_digest
from .idempotency_key import IdempotencyKey
from .upload_token import UploadToken

__all__ = ["BUSY", "FileUpload", "IdempotencyKey", "UploadToken", "durable_transaction", "location_digest"]
