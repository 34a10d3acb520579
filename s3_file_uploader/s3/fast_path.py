"""The first attempt at a call, made without boto3: signed here, sent over a connection that is kept.

It costs a third of what boto3 spends on a call. Only an answer that says yes or no is used: whatever else comes is left
to boto3, which has the other attempts. It knows what errors mean, waits between them, and gives up in the end. AWS
itself, a store that takes checksum trailers and one behind a proxy are asked by boto3 alone: it adds the checksums.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from random import random
from time import sleep
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from ..conf import conf
from ..values import CHECKSUM_TRAILERS, CHUNK_BYTES
from .client import ca_bundle, get_client
from .errors import attempt_broken
from .part_buffer import PartBuffer
from .presign import signed_request
from .sigv4 import NOTHING, UNSIGNED_PAYLOAD

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

SUCCEEDED, NOT_FOUND, TOO_MANY, SERVER_FAILED = 200, 404, 429, 500
NO_BODY_SHA256 = sha256().hexdigest()
# Raised before a byte of the request is sent.
NEVER_SENT = (NewConnectionError, ConnectTimeoutError)


class _PatientSender(HTTPConnection):
    """Gives a store that is slow to take what is sent as long as one that is slow to answer.

    urllib3, and so boto3, has the time to connect for that, too; and each piece has to be gone within it.
    """

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Connect within the time for that, and send within the other."""
        if self.is_closed:
            self.connect()
        self.timeout = conf.read_timeout_seconds
        super().request(*args, **kwargs)


class _PatientTLSSender(_PatientSender, HTTPSConnection):
    """The same over TLS."""


@dataclass(frozen=True, slots=True)
class FirstAttempt:
    """What came of it: `status` is 0 where nobody was asked, or nobody answered; names of headers in lower case."""

    was_made: bool
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def succeeded(self) -> bool:
        """Whether S3 did what it was asked."""
        return self.status == SUCCEEDED

    def boto3(self, *, signed_payload: bool = True) -> "S3Client":
        """Return the client that makes the other attempts; waits first where boto3 would, and for as long."""
        if self.was_made and (self.status in {0, TOO_MANY} or self.status >= SERVER_FAILED):
            sleep(random())  # noqa: S311 - spreads those who ask again, guards nothing
        return get_client(signed_payload=signed_payload, attempts_made=int(self.was_made))


def is_for_us() -> bool:
    """Tell whether the store of the settings is one that is asked so."""
    if not conf.endpoint_url or conf.store_can(CHECKSUM_TRAILERS):
        return False
    return conf.max_attempts > 1 and not _is_behind_a_proxy(conf.endpoint_url)


def first_attempt(
    method: Literal["HEAD", "PUT", "POST"],
    bucket: str,
    key: str,
    *,
    query: Mapping[str, str] = NOTHING,
    headers: Mapping[str, str] = NOTHING,
    body: PartBuffer | None = None,
) -> FirstAttempt:
    """Ask S3 once, if it is a store to be asked so; within `storage_errors`.

    Args:
        method: of the request.
        bucket: its name.
        key: the object's, as it is.
        query: parameters, as they are.
        headers: ASCII.
        body: all that is sent; at its beginning again when this returns.

    Raises:
        StorageNotConfigured: credentials are missing, or the URL is none.
    """
    if not is_for_us():
        return FirstAttempt(was_made=False)
    origin, target, signed = signed_request(
        method, bucket, key, query=query, headers=headers, payload_sha256=_payload_sha256(body)
    )
    pool = _pool(origin, conf.connect_timeout_seconds, conf.read_timeout_seconds, conf.max_pool_connections)
    if body is not None:
        signed["content-length"] = str(len(body))
    try:
        answer = pool.urlopen(method, target, body=cast(Any, body), headers=signed, retries=False, redirect=False)
    except HTTPError as error:
        attempt_broken(error, NEVER_SENT)
        return FirstAttempt(was_made=True)
    finally:
        if body is not None:
            body.seek(0)
    found = {name.lower(): value for name, value in answer.headers.items()}
    return FirstAttempt(True, answer.status, found, answer.data)


def _payload_sha256(body: PartBuffer | None) -> str:
    if body is None:
        return NO_BODY_SHA256
    if not conf.sign_parts:
        return UNSIGNED_PAYLOAD
    digest = sha256(body.read())
    body.seek(0)
    return digest.hexdigest()


@lru_cache(maxsize=64)
def _is_behind_a_proxy(endpoint_url: str) -> bool:
    address = urlsplit(endpoint_url)
    return bool(getproxies().get(address.scheme)) and not proxy_bypass(address.netloc)


@lru_cache(maxsize=64)
def _pool(origin: str, connect: float, read: float, connections: int) -> urllib3.HTTPConnectionPool:
    """Return the connections to one address, as boto3 would make them."""
    verified = {"ca_certs": ca_bundle()} if origin.startswith("https:") else {}
    timeout = urllib3.Timeout(connect=connect, read=read)
    pool = urllib3.connection_from_url(origin, maxsize=connections, timeout=timeout, blocksize=CHUNK_BYTES, **verified)
    pool.ConnectionCls = _PatientTLSSender if pool.scheme == "https" else _PatientSender
    return pool
