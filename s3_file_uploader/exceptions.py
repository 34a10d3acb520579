"""Everything this app raises, one leaf for each thing that a caller can do differently.

    S3FileUploaderError
    ├── InvalidInput                 change the request
    │   ├── InvalidBucketName
    │   ├── InvalidFileName
    │   ├── InvalidField             one named parameter is wrong
    │   ├── ChecksumMismatch         the bytes were damaged on the way: send them again
    │   ├── SizeMismatch             fewer or more bytes came than were announced
    │   ├── ContentTypeMismatch      the file lies in S3 under another type than was announced
    │   ├── PartsMissing             not all of the file has arrived in S3
    │   ├── FileRejected             the scanners found something: it was removed
    │   ├── FileTooLarge
    │   ├── ContentTypeNotAllowed    the policy of the bucket does not take files of this kind
    │   ├── RequestTooSlow           the body did not arrive in time: send it again
    │   ├── LengthRequired           this server cannot read a body of unknown length
    │   ├── RangeNotSatisfiable      no byte of the file lies in the range
    │   └── IdempotencyKeyReused     the key stands for another file
    ├── Refused                      ask somebody who may
    │   ├── NotYourFile
    │   ├── BucketOwnerMismatch
    │   └── BucketNotAllowed
    ├── NotFound                     it does not exist, or not for this caller
    │   ├── BucketNotFound
    │   ├── FileNotFound
    │   ├── UploadNotFound
    │   ├── UploadTokenNotFound
    │   └── ShareNotFound
    ├── Conflict                     the state of the bucket or key forbids it
    │   ├── BucketExists
    │   ├── BucketNotEmpty
    │   ├── FileExists               the key is taken: choose another
    │   ├── ClaimLost                another request has the file: try again in a moment
    │   ├── QuotaExceeded            the owner has as much as the policy allows: remove something
    │   ├── PreconditionFailed       the file is no longer the one that the caller knows
    │   ├── UploadInProgress         the same request is at work: ask again
    │   ├── UploadNotPending         it was completed, or is being removed
    │   └── FileQuarantined          the scanners have not found it clean yet: ask again
    ├── StorageProblem               S3, or the way to it
    │   ├── StorageAccessDenied      the app's own credentials lack a right
    │   ├── StorageNotConfigured     a setting is missing or refused by S3
    │   ├── StorageUnavailable       try again in a while
    │   ├── StorageTimeout           no answer in time
    │   └── StorageError             an answer that nobody expected
    │       └── StorageUnsupported   the store does not know this call
    └── DownloadFolderFull           no room left under PATH_TO_SAVE_FILE

No HTTP and no boto3 here: `api/errors.py` gives each leaf its status and code, `s3/errors.py` translates what boto3
raises.
"""

from collections.abc import Mapping


class S3FileUploaderError(Exception):
    """Root of every error of this app; `str(error)` is a message fit for the caller of the API."""

    def __init__(self, message: str = "", limit: Mapping[str, object] | None = None) -> None:
        """Take what to do next, and the fields of the policy that forbid the request, if it is the policy."""
        super().__init__(message)
        self.limit = limit


class InvalidInput(S3FileUploaderError):
    """The request itself is wrong."""


class InvalidBucketName(InvalidInput):
    """The name breaks the naming rules of S3."""


class InvalidFileName(InvalidInput):
    """The name cannot be an object key, or cannot be a file on disk."""


class InvalidField(InvalidInput):
    """One parameter has a value that cannot be used."""

    def __init__(self, field: str, message: str) -> None:
        """Name the parameter, as the caller spelt it, and what would be right."""
        super().__init__(message)
        self.field = field


class ChecksumMismatch(InvalidInput):
    """The SHA-256 of what arrived is not the one that the caller gave."""


class SizeMismatch(InvalidInput):
    """The number of bytes that arrived is not the one that was announced."""


class ContentTypeMismatch(InvalidInput):
    """The MIME type under which S3 holds the file is not the one that was announced."""


class PartsMissing(InvalidInput):
    """The file, or some parts of it, are not in S3 yet."""


class FileRejected(InvalidInput):
    """A scanner found something in the file; its record says what."""


class FileTooLarge(InvalidInput):
    """The file is larger than S3 or the settings allow."""


class ContentTypeNotAllowed(InvalidInput):
    """The policy takes no files of this MIME type, or with this ending."""


class RequestTooSlow(InvalidInput):
    """The body of the request came too slowly, or not at all."""


class LengthRequired(InvalidInput):
    """The body has no Content-Length, and the server before this app does not decode chunks."""


class RangeNotSatisfiable(InvalidInput):
    """The wanted range lies behind the end of the file."""

    def __init__(self, message: str, size: int = 0) -> None:
        """Take the size of the file, in bytes, too."""
        super().__init__(message)
        self.size = size


class IdempotencyKeyReused(InvalidInput):
    """The Idempotency-Key was sent before, with a file of another name."""


class Refused(S3FileUploaderError):
    """The caller may not do this."""


class NotYourFile(Refused):
    """The caller named another user and is not staff."""


class BucketOwnerMismatch(Refused):
    """The bucket does not belong to the owner that the caller named."""


class BucketNotAllowed(Refused):
    """The settings do not open this bucket to the caller."""


class NotFound(S3FileUploaderError):
    """Nothing by that name, as far as this caller may know."""


class BucketNotFound(NotFound):
    """S3 has no such bucket."""


class FileNotFound(NotFound):
    """No stored file of that name that the caller may see."""


class UploadNotFound(NotFound):
    """No record with that id that the caller may see."""


class UploadTokenNotFound(NotFound):
    """The caller has no upload token with that id."""


class ShareNotFound(NotFound):
    """No share link that works, or none with that id that the caller may revoke."""


class Conflict(S3FileUploaderError):
    """The request is right, the state of the store forbids it."""


class BucketExists(Conflict):
    """The bucket name is taken, here or anywhere on this store."""


class BucketNotEmpty(Conflict):
    """The bucket still holds objects."""


class FileExists(Conflict):
    """The key is taken."""


class ClaimLost(Conflict):
    """Another request is writing, completing or removing the file, or has done so."""


class QuotaExceeded(Conflict):
    """The owner would have more bytes or files in the bucket than the policy allows."""


class PreconditionFailed(Conflict):
    """The file was replaced since the caller saw it (`If-Match`, `If-Unmodified-Since`)."""


class UploadInProgress(Conflict):
    """The first request with the same Idempotency-Key has not ended."""


class UploadNotPending(Conflict):
    """Nothing can be sent any more: the upload was completed, removed, or is of another kind."""


class FileQuarantined(Conflict):
    """The file is whole, but nobody gets it before the scanners have found it clean."""


class StorageProblem(S3FileUploaderError):
    """S3 could not do what it was asked."""


class StorageAccessDenied(StorageProblem):
    """The credentials of this service lack the right for the call."""


class StorageNotConfigured(StorageProblem):
    """A setting is missing or S3 refuses its value; the message names the setting."""


class StorageUnavailable(StorageProblem):
    """S3 cannot be reached or asks to slow down."""


class StorageTimeout(StorageProblem):
    """S3 did not answer in time: the call may have happened or not."""


class StorageError(StorageProblem):
    """S3 answered with an error that has no better name here."""


class StorageUnsupported(StorageError):
    """The store does not implement the call."""


class DownloadFolderFull(S3FileUploaderError):
    """The disk, or the quota on it, behind PATH_TO_SAVE_FILE is full."""
