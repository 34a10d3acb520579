"""The boto3 client, and the calls about buckets that several services share."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import inf
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import urlsplit

import boto3
from botocore import exceptions as boto
from botocore.config import Config

from ..conf import conf
from ..exceptions import BucketNotFound, StorageNotConfigured
from ..values import CHECKSUM_TRAILERS, PAGE_KEYS
from .call_events import register_handlers
from .errors import storage_errors
from .sigv4 import Credentials, Place

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

DEFAULT_PORTS = {"http": 80, "https": 443}

# --- the client ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """The options by which clients differ; the repr contains no secret."""

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
    checksum_trailers: bool
    signed_payload: bool = True


def get_client(
    *,
    region: str | None = None,
    endpoint_url: str | None = None,
    patience_seconds: float | None = None,
    signed_payload: bool = True,
) -> "S3Client":
    """Return the client for the current settings; it is built on first use and shared by all threads.

    Args:
        region: a region other than that of the settings.
        endpoint_url: an address other than that of the settings, to sign URLs for clients of the API.
        patience_seconds: make one attempt, with this time-out to connect and to read.
        signed_payload: sign the SHA-256 of each body, so that every store compares it with the bytes that arrive.

    Raises:
        StorageNotConfigured: a region or one of the two keys is missing, or a URL is malformed.
    """
    options = replace(_read_options(region, endpoint_url), signed_payload=signed_payload)
    if patience_seconds is not None:
        options = replace(
            options,
            max_attempts=1,
            connect_timeout_seconds=patience_seconds,
            read_timeout_seconds=patience_seconds,
        )
    return _build_client(options)


def _read_options(region: str | None = None, endpoint_url: str | None = None) -> ClientOptions:
    conf.start_embedded_s3()
    if bool(conf.access_key_id) != bool(conf.secret_access_key):
        missing = "AWS_SECRET_ACCESS_KEY" if conf.access_key_id else "AWS_ACCESS_KEY_ID"
        raise StorageNotConfigured(f"Set {missing} too: only one of the two keys is set.")
    return ClientOptions(
        region=region or conf.region,
        endpoint_url=endpoint_url or conf.endpoint_url,
        addressing_style=conf.addressing_style,
        access_key_id=conf.access_key_id,
        secret_access_key=conf.secret_access_key,
        session_token=conf.session_token if conf.access_key_id else None,
        connect_timeout_seconds=conf.connect_timeout_seconds,
        read_timeout_seconds=conf.read_timeout_seconds,
        max_attempts=conf.max_attempts,
        max_pool_connections=conf.max_pool_connections,
        checksum_trailers=conf.store_can(CHECKSUM_TRAILERS),
    )


# Threads may share clients, but not sessions. One session is kept, because each costs 8 MiB and 100 ms.
_session_lock = Lock()


@lru_cache(maxsize=1)
def _get_session() -> boto3.session.Session:
    return boto3.session.Session()


@lru_cache(maxsize=64)
def _build_client(options: ClientOptions) -> "S3Client":
    # boto3 sends checksum trailers by default since 1.36, and many stores other than AWS refuse them. Without "s3v4",
    # boto3 presigns for us-east-1 with SigV2, which drops headers that must be signed.
    checksums = cast(Any, "when_supported" if options.checksum_trailers else "when_required")
    config = Config(  # type: ignore[call-arg]  # ignore_configured_endpoint_urls is missing in the stubs
        signature_version="s3v4",
        s3={"addressing_style": cast(Any, options.addressing_style), "payload_signing_enabled": options.signed_payload},
        request_checksum_calculation=checksums,
        response_checksum_validation=checksums,
        connect_timeout=options.connect_timeout_seconds,
        read_timeout=options.read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": options.max_attempts},
        max_pool_connections=options.max_pool_connections,
        ignore_configured_endpoint_urls=True,
    )
    try:
        with _session_lock:
            client = _get_session().client(
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
    register_handlers(client.meta.events)
    return client


# --- calls about buckets ---------------------------------------------------------------------------------------------

# The time of the last response that a bucket exists, by bucket, address and key.
_seen: dict[tuple[str, str | None, str | None], float] = {}


def require_bucket(bucket: str, *, remembered_seconds: float = 60) -> None:
    """Raise if there is no such bucket.

    Some stores create a missing bucket at the first write, so a bucket that another program removed must be noticed.

    Args:
        bucket: name of the bucket.
        remembered_seconds: how old the last answer of S3 to this process may be.

    Raises:
        BucketNotFound: there is no such bucket.
        StorageProblem: S3 could not answer.
    """
    place = (bucket, conf.endpoint_url, conf.access_key_id)
    if _seen.get(place, -inf) > monotonic() - remembered_seconds:
        return
    try:
        with storage_errors(about="bucket"):
            get_client().head_bucket(Bucket=bucket)
    except BucketNotFound:
        forget_buckets()
        raise
    _seen[place] = monotonic()


def list_pages(
    listing: Literal["list_objects_v2", "list_multipart_uploads"], **arguments: Any
) -> Iterator[dict[str, Any]]:
    """Yield a listing page by page; each page is requested when it is needed, and none is kept.

    Raises:
        S3FileUploaderError: S3 refused the listing, or could not answer.
    """
    listed = iter(get_client().get_paginator(listing).paginate(**arguments, PaginationConfig={"PageSize": PAGE_KEYS}))
    while True:
        with storage_errors(about="bucket"):
            page = next(listed, None)
        if page is None:
            return
        yield cast("dict[str, Any]", page)


def find_bucket_region(bucket: str) -> str:
    """Return the region for which a URL to this bucket must be signed.

    A store with an endpoint URL has one region. AWS is asked once, because a bucket never moves.

    Raises:
        BucketNotFound: there is no such bucket.
        StorageProblem: S3 could not answer.
    """
    return conf.region if conf.endpoint_url else _request_bucket_region(bucket, conf.access_key_id)


@lru_cache(maxsize=4096)
def _request_bucket_region(bucket: str, _credentials: str | None) -> str:
    with storage_errors(about="bucket"):
        answer = get_client().head_bucket(Bucket=bucket)
    return answer.get("BucketRegion") or answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"]


def find_bucket_place(bucket: str, *, endpoint_url: str | None = None) -> Place:
    """Return the address of the objects of a bucket, by the rules of the client, and its region.

    Args:
        bucket: name of the bucket.
        endpoint_url: an address other than that of the settings.

    Raises:
        StorageNotConfigured: credentials or region are missing.
        BucketNotFound, StorageProblem: the call that finds the region of an unknown bucket on AWS failed.
    """
    return _build_bucket_place(_read_options(find_bucket_region(bucket), endpoint_url), bucket)


@lru_cache(maxsize=4096)
def _build_bucket_place(options: ClientOptions, bucket: str) -> Place:
    with storage_errors():
        url = _build_client(options).generate_presigned_url("head_bucket", Params={"Bucket": bucket})
    address = urlsplit(url)
    return Place(
        bucket=bucket,
        region=options.region,
        origin=f"{address.scheme}://{address.netloc}",
        host=build_host(address.hostname or "", address.scheme, address.port),
        path=f"{address.path.rstrip('/')}/",
    )


def build_host(host: str, scheme: str, port: int | None) -> str:
    """Return host and port as in a URL: IPv6 in brackets, and without the default port of the scheme."""
    host = f"[{host}]" if ":" in host else host
    return host if port in {None, DEFAULT_PORTS.get(scheme)} else f"{host}:{port}"


def credentials() -> Credentials:
    """Return the keys to sign with now: those of the settings, or those of the host's role.

    Raises:
        StorageNotConfigured: there are no keys, or only one of the two.
        StorageProblem: the service that issues the keys of the role could not answer.
    """
    options = _read_options()
    if options.access_key_id and options.secret_access_key:
        return Credentials(options.access_key_id, options.secret_access_key, options.session_token)
    with storage_errors():
        with _session_lock:
            role = _get_session().get_credentials()
        if role is None:
            raise boto.NoCredentialsError
        now = role.get_frozen_credentials()
    return Credentials(cast(str, now.access_key), cast(str, now.secret_key), now.token)


def region_is_known(region: str) -> bool:
    """Return True if the installed botocore knows the region of AWS; in other stores any name may be a region."""
    if not conf.is_aws:
        return True
    session = _get_session()
    return any(
        region in session.get_available_regions("s3", partition) for partition in session.get_available_partitions()
    )


def forget_buckets() -> None:
    """Forget the cached answers about buckets: the name of a removed bucket may come back elsewhere."""
    _request_bucket_region.cache_clear()
    _seen.clear()
