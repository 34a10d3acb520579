"""The boto3 client, and what several services ask of it."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import md5
from math import inf
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import SplitResult, urlsplit

import boto3
from botocore import exceptions as boto
from botocore.config import Config

from ..conf import conf
from ..exceptions import BucketNotFound, StorageNotConfigured
from ..values import CHECKSUM_TRAILERS, PAGE_KEYS
from .errors import attempt_note, storage_errors
from .sigv4 import Credentials, Place

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

DEFAULT_PORTS = {"http": 80, "https": 443}
# S3 once refused these calls without Content-MD5, and many stores still do; boto3 sends another checksum.
WITH_MD5 = ("PutBucketCors", "PutBucketLifecycleConfiguration")

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
    checksum_trailers: bool
    signed_payload: bool = True


def get_client(
    *,
    region: str | None = None,
    endpoint_url: str | None = None,
    patience_seconds: float | None = None,
    signed_payload: bool = True,
) -> "S3Client":
    """Return the client for today's settings, made on first use and shared by all threads.

    Args:
        region: another region than the settings name.
        endpoint_url: another address than the settings name, to sign for what the client of the API can reach.
        patience_seconds: try once, and wait no longer than this to connect and for the answer.
        signed_payload: sign the SHA-256 of what is sent, so that every store compares it with what arrives.

    Raises:
        StorageNotConfigured: a region, or half of the pair of keys, is missing, or a URL is none.
    """
    options = replace(_options_from_settings(region, endpoint_url), signed_payload=signed_payload)
    if patience_seconds is not None:
        options = replace(
            options,
            max_attempts=1,
            connect_timeout_seconds=patience_seconds,
            read_timeout_seconds=patience_seconds,
        )
    return _client_build(options)


def _options_from_settings(region: str | None = None, endpoint_url: str | None = None) -> ClientOptions:
    conf.start_embedded_s3()
    if bool(conf.access_key_id) != bool(conf.secret_access_key):
        missing = "AWS_SECRET_ACCESS_KEY" if conf.access_key_id else "AWS_ACCESS_KEY_ID"
        raise StorageNotConfigured(f"Set {missing} too: only one half of the pair of keys is there.")
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


# Clients are safe to share between threads, sessions are not: one is kept, since each costs 8 MiB and 100 ms.
_one_at_a_time = Lock()


@lru_cache(maxsize=1)
def _session() -> boto3.session.Session:
    return boto3.session.Session()


@lru_cache(maxsize=64)
def _client_build(options: ClientOptions) -> "S3Client":
    # Checksum trailers, boto3's default since 1.36, are refused by many stores that are not AWS; and without
    # "s3v4" boto3 presigns for us-east-1 with SigV2, which drops headers that were to be signed.
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
        with _one_at_a_time:
            made = _session().client(
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
    made.meta.events.register_first("needs-retry.s3", attempt_note)
    made.meta.events.register_last("before-call.s3", _expect_nothing)
    for call in WITH_MD5:
        made.meta.events.register(f"before-sign.s3.{call}", _content_md5_add)
    return made


def _expect_nothing(params: dict[str, Any], **_kwargs: Any) -> None:
    """Send the bytes at once: for whatever can be read, botocore asks the store first, and waits for its answer."""
    params["headers"].pop("Expect", None)


def _content_md5_add(request: Any, **kwargs: Any) -> None:
    request.headers["Content-MD5"] = b64encode(md5(request.data, usedforsecurity=False).digest()).decode()


# --- what several services ask ---------------------------------------------------------------------------------------

# When S3 last said that a bucket is there, by bucket, address and key.
_seen: dict[tuple[str, str | None, str | None], float] = {}


def bucket_check(bucket: str, *, remembered_seconds: float = 60) -> None:
    """Pass if there is such a bucket.

    Some stores create a missing bucket at the first write to it, so its removal elsewhere must be noticed.

    Args:
        bucket: its name.
        remembered_seconds: how old an answer of S3 to this process may be.

    Raises:
        BucketNotFound: there is none.
        StorageProblem: S3 could not answer.
    """
    place = (bucket, conf.endpoint_url, conf.access_key_id)
    if _seen.get(place, -inf) > monotonic() - remembered_seconds:
        return
    try:
        with storage_errors(about="bucket"):
            get_client().head_bucket(Bucket=bucket)
    except BucketNotFound:
        buckets_forget()
        raise
    _seen[place] = monotonic()


def pages(listing: Literal["list_objects_v2", "list_multipart_uploads"], **arguments: Any) -> Iterator[dict[str, Any]]:
    """Yield a listing page by page; each is asked for when it is wanted, and none is kept.

    Raises:
        S3FileUploaderError: as S3 answered.
    """
    found = iter(get_client().get_paginator(listing).paginate(**arguments, PaginationConfig={"PageSize": PAGE_KEYS}))
    while True:
        with storage_errors(about="bucket"):
            page = next(found, None)
        if page is None:
            return
        yield cast("dict[str, Any]", page)


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
        answer = get_client().head_bucket(Bucket=bucket)
    return answer.get("BucketRegion") or answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"]


def bucket_place(bucket: str, *, endpoint_url: str | None = None) -> Place:
    """Return where requests for the objects of a bucket go, by the rules of the client, and for which region.

    Args:
        bucket: its name.
        endpoint_url: another address than the settings name.

    Raises:
        StorageNotConfigured: credentials or region are missing.
        BucketNotFound, StorageProblem: on AWS, the region of an unknown bucket is asked.
    """
    return _bucket_place_ask(_options_from_settings(bucket_region(bucket), endpoint_url), bucket)


@lru_cache(maxsize=4096)
def _bucket_place_ask(options: ClientOptions, bucket: str) -> Place:
    with storage_errors():
        url = _client_build(options).generate_presigned_url("head_bucket", Params={"Bucket": bucket})
    address = urlsplit(url)
    return Place(
        bucket=bucket,
        region=options.region,
        origin=f"{address.scheme}://{address.netloc}",
        host=_host_header(address),
        path=f"{address.path.rstrip('/')}/",
    )


def _host_header(address: SplitResult) -> str:
    host = address.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if address.port in {None, DEFAULT_PORTS[address.scheme]} else f"{host}:{address.port}"


def credentials() -> Credentials:
    """Return what to sign with at this moment: the keys of the settings, or those that the host's role now has.

    Raises:
        StorageNotConfigured: there are none, or only half of a pair.
        StorageProblem: whoever gives out the role's keys could not be asked.
    """
    options = _options_from_settings()
    if options.access_key_id and options.secret_access_key:
        return Credentials(options.access_key_id, options.secret_access_key, options.session_token)
    with storage_errors():
        with _one_at_a_time:
            found = _session().get_credentials()
        if found is None:
            raise boto.NoCredentialsError
        now = found.get_frozen_credentials()
    return Credentials(cast(str, now.access_key), cast(str, now.secret_key), now.token)


def region_is_known(region: str) -> bool:
    """Tell whether AWS has the region, as far as the installed botocore knows; elsewhere any name may be one."""
    if conf.endpoint_url:
        return True
    session = _session()
    return any(
        region in session.get_available_regions("s3", partition) for partition in session.get_available_partitions()
    )


def buckets_forget() -> None:
    """Forget what is remembered of buckets: a removed one's name may come back elsewhere."""
    _bucket_region_ask.cache_clear()
    _seen.clear()
