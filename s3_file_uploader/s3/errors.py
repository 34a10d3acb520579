"""Translate errors of boto3 into errors of this app, in two tables and one context manager, and nowhere else."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal

import urllib3
from botocore import exceptions as boto

from ..exceptions import (
    BucketExists,
    BucketNotEmpty,
    BucketNotFound,
    FileExists,
    FileNotFound,
    FileTooLarge,
    InvalidBucketName,
    InvalidField,
    InvalidFileName,
    PartsMissing,
    S3FileUploaderError,
    SizeMismatch,
    StorageAccessDenied,
    StorageError,
    StorageNotConfigured,
    StorageTimeout,
    StorageUnavailable,
    StorageUnsupported,
)

_KEYS_REFUSED = (
    StorageNotConfigured,
    "S3 refuses the keys: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.",
)
_REGION_REFUSED = (StorageNotConfigured, "S3 refuses the region: check AWS_STORAGE_REGION.")
_DENIED = (StorageAccessDenied, "S3 denies this service the call: give its credentials the right for it.")
_BUSY = (StorageUnavailable, "S3 is busy: try again in a moment.")
_NOT_A_STORE = (StorageNotConfigured, "The server at AWS_S3_ENDPOINT_URL does not speak S3: check the setting.")
_UNSUPPORTED = (StorageUnsupported, "This store does not support the call.")
_NO_BUCKET = (BucketNotFound, "There is no such bucket: create it or check the name.")
NO_FILE = (FileNotFound, "There is no such file: check the bucket and the name.")
_NAME_REFUSED = (InvalidFileName, "The store refuses this file name: choose another.")
_FILE_THERE = (FileExists, "A file of that name is there already: choose another name.")
_BUCKET_THERE = (BucketExists, "The bucket name is taken: choose another.")
_REGION_FIELD = "S3 cannot make the bucket in this region: leave it out or name another."
_FOLDER_THERE = (FileExists, "A part of the name is a file, or the name is a folder, in this store: choose another.")
_OTHER_PARTS = "S3 holds other parts than a moment ago: complete the upload again, or else start a new one."
UNEXPECTED = (StorageError, "S3 answered with an unexpected error: try again, then tell the operator of this service.")

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html ; XMinio*: MinIO and stores made from it.
# A HEAD has no body, so its code is the bare HTTP status.
CLIENT_ERRORS: dict[str, tuple[type[S3FileUploaderError], str]] = {
    "NoSuchBucket": _NO_BUCKET,
    "NoSuchKey": NO_FILE,
    "NoSuchUpload": NO_FILE,
    "BucketAlreadyExists": _BUCKET_THERE,
    "BucketAlreadyOwnedByYou": _BUCKET_THERE,
    "BucketNotEmpty": (BucketNotEmpty, "The bucket still holds files: delete them first."),
    "InvalidBucketName": (InvalidBucketName, "The store refuses this bucket name: choose another."),
    "KeyTooLongError": _NAME_REFUSED,
    "XMinioInvalidObjectName": _NAME_REFUSED,
    "XMinioInvalidResourceName": _NAME_REFUSED,
    "XMinioObjectExistsAsDirectory": _FOLDER_THERE,
    "XMinioParentIsObject": _FOLDER_THERE,
    "EntityTooLarge": (FileTooLarge, "The file is larger than the store allows."),
    "EntityTooSmall": (SizeMismatch, "S3 requires at least 5 MiB in every part but the last: send larger ones."),
    "InvalidPart": (PartsMissing, _OTHER_PARTS),
    "PreconditionFailed": _FILE_THERE,
    "412": _FILE_THERE,
    "ConditionalRequestConflict": _FILE_THERE,
    "AccessDenied": _DENIED,
    "AllAccessDisabled": _DENIED,
    "AccountProblem": _DENIED,
    "403": _DENIED,
    "InvalidAccessKeyId": _KEYS_REFUSED,
    "SignatureDoesNotMatch": _KEYS_REFUSED,
    "ExpiredToken": _KEYS_REFUSED,
    "InvalidToken": _KEYS_REFUSED,
    "AuthorizationHeaderMalformed": _REGION_REFUSED,
    "PermanentRedirect": _REGION_REFUSED,
    "RequestTimeTooSkewed": (StorageNotConfigured, "S3 refuses the clock of this server: set its time."),
    "SlowDown": _BUSY,
    "ServiceUnavailable": _BUSY,
    "Throttling": _BUSY,
    "RequestLimitExceeded": _BUSY,
    "OperationAborted": _BUSY,
    "XMinioServerNotInitialized": _BUSY,
    "429": _BUSY,
    "503": _BUSY,
    "XMinioStorageFull": (StorageUnavailable, "The store is full: tell its operator."),
    "RequestTimeout": (StorageTimeout, "S3 gave up waiting for the bytes: try again."),
    "504": (StorageTimeout, "S3 did not answer in time: try again."),
    "NotImplemented": _UNSUPPORTED,
    "InvalidArgument": _UNSUPPORTED,
    "MalformedXML": _UNSUPPORTED,  # MinIO answers so to kinds of rules that it does not know; our XML is well-formed.
    "MethodNotAllowed": _UNSUPPORTED,
    "405": _UNSUPPORTED,
    "501": _UNSUPPORTED,
}

# A store that keeps keys as paths, such as the JuiceFS gateway, answers InternalError with this end of the message.
_PATH_IN_THE_WAY = ("cause(is a directory)", "cause(not a directory)")

NO_ANSWER = "S3 did not answer in time: look whether it happened, then try again."
# botocore raises these before a byte of the request is sent. Among TLS errors, only a refused certificate is certain.
NEVER_SENT = (boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ProxyConnectionError)
CERTIFICATE_REFUSED = "CERTIFICATE_VERIFY_FAILED"

# Most specific first; the last row is the root of botocore's own errors.
BOTOCORE_ERRORS: tuple[tuple[tuple[type[Exception], ...], type[S3FileUploaderError], str], ...] = (
    (
        (boto.ReadTimeoutError,),
        StorageTimeout,
        NO_ANSWER,
    ),
    (
        (
            boto.NoCredentialsError,
            boto.PartialCredentialsError,
            boto.CredentialRetrievalError,
            boto.TokenRetrievalError,
            boto.UnauthorizedSSOTokenError,
            boto.SSOError,
            boto.ProfileNotFound,
            boto.RefreshWithMFAUnsupportedError,
        ),
        StorageNotConfigured,
        "S3 needs credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the host a role.",
    ),
    (
        (boto.NoRegionError, boto.InvalidRegionError, boto.EndpointProviderError),
        StorageNotConfigured,
        "S3 needs a region: set AWS_STORAGE_REGION.",
    ),
    (
        (
            boto.ConnectionError,
            boto.HTTPClientError,
            boto.IncompleteReadError,
            boto.ResponseStreamingError,
            urllib3.exceptions.HTTPError,  # botocore lets a TLS error in the middle of a response body through.
        ),
        StorageUnavailable,
        "S3 cannot be reached: try again in a moment.",
    ),
    ((boto.BotoCoreError,), *UNEXPECTED),
)


# True if an attempt at the current call may have reached S3, although no answer came.
_maybe_carried_out: ContextVar[bool] = ContextVar("maybe_carried_out", default=False)


def note_attempt(caught_exception: Exception | None = None, **kwargs: Any) -> None:
    """Record that an attempt ended without an answer; botocore calls this as `needs-retry` after each attempt."""
    is_sent = caught_exception is not None and not isinstance(caught_exception, NEVER_SENT)
    if is_sent and CERTIFICATE_REFUSED not in str(caught_exception):
        _maybe_carried_out.set(True)


@contextmanager
def storage_errors(*, about: Literal["object", "bucket", "account"] = "object") -> Iterator[None]:
    """Translate the errors of boto3 in the block.

    `StorageUnavailable` promises that nothing happened. If an earlier attempt broke off without an answer, the call may
    have been carried out, so an unreachable or busy store raises `StorageTimeout` then.

    Args:
        about: what the calls in the block name, and so what is missing if S3 answers a bare 404.

    Raises:
        S3FileUploaderError: the leaf that `CLIENT_ERRORS` or `BOTOCORE_ERRORS` names.
    """
    _maybe_carried_out.set(False)
    try:
        yield
    except boto.ClientError as error:
        translated = _translate_client_error(error, about)
        if isinstance(translated, StorageUnavailable) and _maybe_carried_out.get():
            translated = StorageTimeout(NO_ANSWER)
        raise translated from error
    except (boto.BotoCoreError, urllib3.exceptions.HTTPError) as error:
        if _maybe_carried_out.get():
            raise StorageTimeout(NO_ANSWER) from error
        for sources, target, message in BOTOCORE_ERRORS:  # pragma: no branch - the last row matches all
            if isinstance(error, sources):
                raise target(message) from error


@contextmanager
def nothing_there(code: str) -> Iterator[None]:
    """Leave the block without an error if S3 answers with this code, which means that nothing is configured.

    Args:
        code: such as NoSuchCORSConfiguration. Use it within `storage_errors`, which translates the other codes.
    """
    try:
        yield
    except boto.ClientError as error:
        if error.response.get("Error", {}).get("Code") != code:
            raise


def _translate_client_error(error: boto.ClientError, about: str) -> S3FileUploaderError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in {"IllegalLocationConstraintException", "InvalidLocationConstraint"}:
        return InvalidField("region", _REGION_FIELD)
    if code == "InternalError" and error.response["Error"].get("Message", "").endswith(_PATH_IN_THE_WAY):
        code = "XMinioObjectExistsAsDirectory"
    bare_404 = {"object": NO_FILE, "bucket": _NO_BUCKET, "account": _NOT_A_STORE}[about]
    known: dict[str, tuple[type[S3FileUploaderError], str]] = {"404": bare_404, "NotFound": bare_404, **CLIENT_ERRORS}
    target, message = known.get(code) or known.get(str(status)) or UNEXPECTED
    return target(message)
