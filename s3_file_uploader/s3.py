"""The boto3 client, and the one place where what boto3 raises becomes what this app raises."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, cast

import boto3
from botocore import exceptions as boto
from botocore.config import Config

from .conf import conf
from .exceptions import (
    BucketExists,
    BucketNotEmpty,
    BucketNotFound,
    FileExists,
    FileNotFound,
    FileTooLarge,
    InvalidBucketName,
    InvalidField,
    InvalidFileName,
    S3FileUploaderError,
    StorageAccessDenied,
    StorageError,
    StorageNotConfigured,
    StorageTimeout,
    StorageUnavailable,
    StorageUnsupported,
)
from .values import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

# --- the client ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """All that makes one client differ from another; the secrets never show in a repr."""

    region: str
    endpoint_url: str | None
    addressing_style: str
    access_key_id: str | None = field(repr=False)
    secret_access_key: str | None = field(repr=False)
    session_token: str | None = field(repr=False)
    connect_timeout_seconds: float
    read_timeout_seconds: float
    max_attempts: int
    max_pool_connections: int


def client(*, region: str | None = None, endpoint_url: str | None = None) -> "S3Client":
    """Return the client for today's settings, made on first use and shared by all threads.

    Args:
        region: another region than the settings name.
        endpoint_url: another address than the settings name, to sign for what the client of the API can reach.

    Raises:
        StorageNotConfigured: a region, or half of the pair of keys, is missing, or a URL is none.
    """
    options = _options_from_settings()
    return _client_build(
        replace(options, region=region or options.region, endpoint_url=endpoint_url or options.endpoint_url)
    )


def _options_from_settings() -> ClientOptions:
    if bool(conf.access_key_id) != bool(conf.secret_access_key):
        missing = "AWS_SECRET_ACCESS_KEY" if conf.access_key_id else "AWS_ACCESS_KEY_ID"
        raise StorageNotConfigured(f"Set {missing} too: only one half of the pair of keys is there.")
    return ClientOptions(
        region=conf.region,
        endpoint_url=conf.endpoint_url,
        addressing_style=conf.addressing_style,
        access_key_id=conf.access_key_id,
        secret_access_key=conf.secret_access_key,
        session_token=conf.session_token if conf.access_key_id else None,
        connect_timeout_seconds=conf.connect_timeout_seconds,
        read_timeout_seconds=conf.read_timeout_seconds,
        max_attempts=conf.max_attempts,
        max_pool_connections=conf.max_pool_connections,
    )


@lru_cache(maxsize=64)
def _client_build(options: ClientOptions) -> "S3Client":
    # Checksum trailers, boto3's default since 1.36, are refused by many stores that are not AWS; and without
    # "s3v4" boto3 presigns for us-east-1 with SigV2, which drops headers that were to be signed. The signed payload
    # makes every store compare the bytes that arrived with their SHA-256.
    checksums = cast(Any, "when_required" if options.endpoint_url else "when_supported")
    config = Config(  # type: ignore[call-arg]  # ignore_configured_endpoint_urls is missing in the stubs
        signature_version="s3v4",
        s3={"addressing_style": cast(Any, options.addressing_style), "payload_signing_enabled": True},
        request_checksum_calculation=checksums,
        response_checksum_validation=checksums,
        connect_timeout=options.connect_timeout_seconds,
        read_timeout=options.read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": options.max_attempts},
        max_pool_connections=options.max_pool_connections,
        ignore_configured_endpoint_urls=True,
    )
    try:
        # A session of our own: boto3's default session is not safe to share between threads.
        return boto3.session.Session().client(
            "s3",
            region_name=options.region,
            endpoint_url=options.endpoint_url,
            aws_access_key_id=options.access_key_id,
            aws_secret_access_key=options.secret_access_key,
            aws_session_token=options.session_token,
            config=config,
        )
    except (ValueError, boto.BotoCoreError) as error:
        raise StorageNotConfigured(
            "S3 cannot be used as it is configured: check AWS_S3_ENDPOINT_URL, AWS_S3_PUBLIC_ENDPOINT_URL "
            "(http:// or https://, a host, a port) and AWS_STORAGE_REGION."
        ) from error


# --- its errors ------------------------------------------------------------------------------------------------------

_KEYS_REFUSED = (
    StorageNotConfigured,
    "S3 refuses the keys: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.",
)
_REGION_REFUSED = (StorageNotConfigured, "S3 refuses the region: check AWS_STORAGE_REGION.")
_DENIED = (StorageAccessDenied, "S3 denies this service the call: give its credentials the right for it.")
_BUSY = (StorageUnavailable, "S3 is busy: try again in a moment.")
_NOT_A_STORE = (StorageNotConfigured, "What answers is no S3: check AWS_S3_ENDPOINT_URL.")
_UNSUPPORTED = (StorageUnsupported, "This store does not support the call.")
_NO_BUCKET = (BucketNotFound, "There is no such bucket: create it or check the name.")
_NO_FILE = (FileNotFound, "There is no such file: check the bucket and the name.")
_NAME_REFUSED = (InvalidFileName, "The store refuses this file name: choose another.")
_FILE_THERE = (FileExists, "A file of that name is there already: choose another name.")
_BUCKET_THERE = (BucketExists, "The bucket name is taken: choose another.")
_REGION_FIELD = "S3 cannot make the bucket in this region: leave it out or name another."
_FOLDER_THERE = (FileExists, "A part of the name is a file, or the name is a folder, in this store: choose another.")
_UNEXPECTED = (StorageError, "S3 answered with an unexpected error: try again, then tell whoever runs this service.")

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html ; XMinio*: MinIO and stores made from it.
# A HEAD has no body, so its code is the bare HTTP status.
CLIENT_ERRORS: dict[str, tuple[type[S3FileUploaderError], str]] = {
    "NoSuchBucket": _NO_BUCKET,
    "NoSuchKey": _NO_FILE,
    "NoSuchUpload": _NO_FILE,
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
    "XMinioStorageFull": (StorageUnavailable, "The store is full: tell whoever runs it."),
    "RequestTimeout": (StorageTimeout, "S3 gave up waiting for the bytes: try again."),
    "504": (StorageTimeout, "S3 did not answer in time: try again."),
    "NotImplemented": _UNSUPPORTED,
    "MethodNotAllowed": _UNSUPPORTED,
    "405": _UNSUPPORTED,
    "501": _UNSUPPORTED,
}

# A store that keeps keys as paths, such as the JuiceFS gateway, says InternalError and this at the end of its message.
_PATH_IN_THE_WAY = ("cause(is a directory)", "cause(not a directory)")

# Most specific first; the last row is the root of all that botocore raises itself.
BOTOCORE_ERRORS: tuple[tuple[tuple[type[Exception], ...], type[S3FileUploaderError], str], ...] = (
    (
        (boto.ReadTimeoutError,),
        StorageTimeout,
        "S3 did not answer in time: look whether it happened, then try again.",
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
        ),
        StorageUnavailable,
        "S3 cannot be reached: try again in a moment.",
    ),
    ((boto.BotoCoreError,), *_UNEXPECTED),
)


@contextmanager
def storage_errors(*, about: Literal["object", "bucket", "account"] = "object") -> Iterator[None]:
    """Translate whatever boto3 raises inside.

    Args:
        about: what the calls inside name, and so what is missing where S3 says no more than 404.

    Raises:
        S3FileUploaderError: the leaf that `CLIENT_ERRORS` or `BOTOCORE_ERRORS` names.
    """
    try:
        yield
    except boto.ClientError as error:
        raise _client_error_translate(error, about) from error
    except boto.BotoCoreError as error:
        for sources, target, message in BOTOCORE_ERRORS:  # pragma: no branch - the last row matches all
            if isinstance(error, sources):
                raise target(message) from error


def _client_error_translate(error: boto.ClientError, about: str) -> S3FileUploaderError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in {"IllegalLocationConstraintException", "InvalidLocationConstraint"}:
        return InvalidField("region", _REGION_FIELD)
    if code == "InternalError" and error.response["Error"].get("Message", "").endswith(_PATH_IN_THE_WAY):
        code = "XMinioObjectExistsAsDirectory"
    bare_404 = {"object": _NO_FILE, "bucket": _NO_BUCKET, "account": _NOT_A_STORE}[about]
    known: dict[str, tuple[type[S3FileUploaderError], str]] = {"404": bare_404, "NotFound": bare_404, **CLIENT_ERRORS}
    target, message = known.get(code) or known.get(str(status)) or _UNEXPECTED
    return target(message)


# --- what several services ask ---------------------------------------------------------------------------------------


def object_head(*, bucket: str, key: str) -> StoredObject:
    """Ask S3 what lies under a key.

    Raises:
        FileNotFound: nothing, or the bucket is missing: a HEAD cannot tell which.
        StorageProblem: S3 could not answer.
    """
    try:
        with storage_errors():
            answer = client().head_object(Bucket=bucket, Key=key)
    except BucketNotFound as error:
        raise FileNotFound(_NO_FILE[1]) from error
    return StoredObject(
        size=answer["ContentLength"],
        etag=answer["ETag"].strip('"'),
        content_type=answer.get("ContentType", ""),
        metadata={name.lower(): value for name, value in answer.get("Metadata", {}).items()},
    )


def bucket_region(bucket: str) -> str:
    """Return the region for which a URL to this bucket must be signed.

    A store with an endpoint URL has one region. On AWS it is asked once and remembered: a bucket never moves.

    Raises:
        BucketNotFound: there is no such bucket.
        StorageProblem: S3 could not answer.
    """
    return conf.region if conf.endpoint_url else _bucket_region_ask(bucket, conf.access_key_id)


@lru_cache(maxsize=4096)
def _bucket_region_ask(bucket: str, _credentials: str | None) -> str:
    with storage_errors(about="bucket"):
        answer = client().head_bucket(Bucket=bucket)
    return answer.get("BucketRegion") or answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"]


def region_is_known(region: str) -> bool:
    """Tell whether AWS has the region, as far as the installed botocore knows; elsewhere any name may be one."""
    if conf.endpoint_url:
        return True
    session = boto3.session.Session()
    return any(
        region in session.get_available_regions("s3", partition) for partition in session.get_available_partitions()
    )


def bucket_region_forget() -> None:
    """Forget the remembered regions: a removed bucket's name may come back elsewhere."""
    _bucket_region_ask.cache_clear()
