"""The errors of this app, with one leaf for each thing that a caller can do differently.

    S3FileUploaderError
    ├── InvalidInput                 change the request
    │   ├── InvalidBucketName
    │   ├── InvalidFileName
    │   ├── InvalidField             one named parameter is wrong
    │   ├── ChecksumMismatch         the bytes were damaged in transit: send them again
    │   ├── SizeMismatch             fewer or more bytes arrived than announced
    │   ├── ContentTypeMismatch      the file has another type than announced
    │   ├── PartsMissing             parts of the file are not in S3
    │   ├── FileRejected             a scanner condemned the file: it was removed
    │   ├── FileTooLarge
    │   ├── ContentTypeNotAllowed    the policy of the bucket does not allow this type
    │   ├── RequestTooSlow           the body did not arrive in time: send it again
    │   ├── LengthRequired           this server cannot read a body of unknown length
    │   ├── RangeNotSatisfiable      the range is beyond the end of the file
    │   └── IdempotencyKeyReused     the key was sent with another file
    ├── Refused                      ask a user who has the right
    │   ├── NotYourFile
    │   ├── BucketOwnerMismatch
    │   └── BucketNotAllowed
    ├── NotFound                     it does not exist, or this caller may not see it
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
    │   ├── FileInUse                a field of the host refers to the file: remove it there first
    │   ├── QuotaExceeded            the policy allows the owner no more: remove something
    │   ├── PreconditionFailed       the file was replaced since the caller saw it
    │   ├── UploadInProgress         the same request is in progress: ask again
    │   ├── UploadNotPending         the upload was completed, or is being removed
    │   └── FileQuarantined          no scanner has found it clean yet: ask again
    ├── StorageProblem               S3, or the way to it
    │   ├── StorageAccessDenied      the app's own credentials lack a right
    │   ├── StorageNotConfigured     a setting is missing or refused by S3
    │   ├── StorageUnavailable       try again in a while
    │   ├── StorageTimeout           S3 did not answer in time
    │   └── StorageError             an unexpected answer
    │       └── StorageUnsupported   the store does not know this call
    └── DownloadFolderFull           no room left under PATH_TO_SAVE_FILE

No HTTP and no boto3 here: `api/errors.py` gives each leaf its status and code, and `s3/errors.py` translates the errors
of boto3.
"""

from collections.abc import Mapping


class S3FileUploaderError(Exception):
    """Root of every error of this app; `str(error)` is a message for the client."""

    def __init__(self, message: str = "", limit: Mapping[str, object] | None = None) -> None:
        """Take the message, which says what to do next, and the fields of the policy that forbid the request."""
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
        """Take the name of the parameter, and a message that says which values are valid."""
        super().__init__(message)
        self.field = field


class ChecksumMismatch(InvalidInput):
    """The SHA-256 of the received bytes is not the one that the caller gave."""


class SizeMismatch(InvalidInput):
    """The number of received bytes is not the announced one."""


class ContentTypeMismatch(InvalidInput):
    """The MIME type of the file is not the announced one."""


class PartsMissing(InvalidInput):
    """The file, or some parts of it, are not in S3 yet."""


class FileRejected(InvalidInput):
    """A scanner condemned the file; its record says why."""


class FileTooLarge(InvalidInput):
    """The file is larger than S3 or the settings allow."""


class ContentTypeNotAllowed(InvalidInput):
    """The policy does not allow files of this MIME type, or with this extension."""


class RequestTooSlow(InvalidInput):
    """The body of the request came too slowly, or not at all."""


class LengthRequired(InvalidInput):
    """The body has no Content-Length, and the WSGI server does not decode chunks."""


class RangeNotSatisfiable(InvalidInput):
    """The requested range begins after the end of the file."""

    def __init__(self, message: str, size: int = 0) -> None:
        """Take the message, and the size of the file in bytes."""
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
    """Nothing by that name exists, or this caller may not see it."""


class BucketNotFound(NotFound):
    """S3 has no such bucket."""


class FileNotFound(NotFound):
    """No stored file of that name that the caller may see."""


class UploadNotFound(NotFound):
    """No record with that id that the caller may see."""


class UploadTokenNotFound(NotFound):
    """The caller has no upload token with that id."""


class ShareNotFound(NotFound):
    """No share link works with that secret, or the caller may revoke none with that id."""


class Conflict(S3FileUploaderError):
    """The request is valid, but the state of bucket or file forbids it."""


class BucketExists(Conflict):
    """The bucket name is taken, here or anywhere on this store."""


class BucketNotEmpty(Conflict):
    """The bucket still holds objects."""


class FileExists(Conflict):
    """The key is taken."""


class ClaimLost(Conflict):
    """Another request is writing, completing or removing the file, or has done so."""


class FileInUse(Conflict):
    """The file is attached: it can be removed or replaced once nothing refers to it."""


class QuotaExceeded(Conflict):
    """The owner would have more bytes or files in the bucket than the policy allows."""


class PreconditionFailed(Conflict):
    """The file was replaced since the caller saw it (`If-Match`, `If-Unmodified-Since`)."""


class UploadInProgress(Conflict):
    """The first request with the same Idempotency-Key has not ended."""


class UploadNotPending(Conflict):
    """The client can send nothing: the upload was completed or removed, or is of another kind."""


class FileQuarantined(Conflict):
    """The file is whole, but cannot be read before the scanners have found it clean."""


class StorageProblem(S3FileUploaderError):
    """S3 could not carry out a call."""


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
