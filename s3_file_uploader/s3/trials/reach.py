"""Ask the store one signed question, and learn from the answer: reachable, keys, clock, owner, certificate."""

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import urlsplit

from botocore import exceptions as boto

from ...conf import conf
from ...exceptions import S3FileUploaderError, StorageError, StorageProblem
from ..client import DEFAULT_PORTS, get_client, read_timeouts
from ..errors import storage_errors


@dataclass(frozen=True, slots=True)
class StoreAnswer:
    """The answer of the store to ListBuckets, even if it is a refusal.

    Attributes:
        endpoint_url: where the client sends its requests.
        refusal: the error of the answer, None if the call succeeded.
        code: the code of S3 for it, such as `RequestTimeTooSkewed`; else empty.
        owner: name or id of the owner of the buckets, if the store reports one.
        ahead: by how much the clock of the store is ahead of this machine, None if the store sends no Date.
        milliseconds: the time that the call took.
    """

    endpoint_url: str
    refusal: StorageProblem | None
    code: str
    owner: str
    ahead: timedelta | None
    milliseconds: float


def ask_store() -> StoreAnswer:
    """Send ListBuckets.

    Raises:
        StorageNotConfigured: the settings do not suffice to send anything.
        StorageProblem: nothing answered, or no S3. `explain_error` has the reason.
    """
    client, refusal, asked_at = get_client(), None, datetime.now(UTC)
    try:
        with storage_errors(about="account"):
            response = cast(dict[str, Any], client.list_buckets())
        if not {"Owner", "Buckets"} & response.keys():  # A page of HTML is an answer without any of its elements.
            raise StorageError("The server does not speak S3.")
    except StorageProblem as error:
        if not isinstance(error.__cause__, boto.ClientError):
            raise
        refusal, response = error, cast(dict[str, Any], error.__cause__.response)
    took = datetime.now(UTC) - asked_at
    owner = response.get("Owner", {})
    return StoreAnswer(
        endpoint_url=client.meta.endpoint_url,
        refusal=refusal,
        code=response.get("Error", {}).get("Code", ""),
        owner=owner.get("DisplayName") or owner.get("ID", ""),
        ahead=_read_date(response, asked_at + took / 2),
        milliseconds=took.total_seconds() * 1000,
    )


def _read_date(response: dict[str, Any], now: datetime) -> timedelta | None:
    date = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    try:
        return parsedate_to_datetime(date) - now if date else None
    except (TypeError, ValueError):
        return None


def explain_error(error: S3FileUploaderError) -> str:
    """Return the reason behind an error of this app in a few words: the code of S3, or what the network says."""
    cause: BaseException | None = error.__cause__
    if isinstance(cause, boto.ClientError):
        status = cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        code = cause.response.get("Error", {}).get("Code", "")
        return f"{code} ({status})" if code != str(status) else f"status {status}"
    reasons = []
    while cause is not None:
        reasons.append(cause)
        cause = cause.__cause__ or cause.__context__
    for reason in reversed(reasons):
        if text := _describe_reason(reason):
            return text
    return ""


def _describe_reason(reason: BaseException) -> str:
    match reason:
        case ssl.SSLCertVerificationError():
            return f"the certificate is refused: {reason.verify_message}"
        case ssl.SSLError():
            return "the server speaks no TLS here"
        case socket.gaierror():
            return "the name of the host has no address"
        case TimeoutError() | boto.ConnectTimeoutError() | boto.ReadTimeoutError():
            return "no answer in time"
        case OSError() if reason.strerror:
            return reason.strerror.lower()
    return ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The protocol of a TLS connection, and when the certificate of the server expires; aware."""

    protocol: str
    expires_at: datetime


def read_certificate(url: str) -> Certificate | None:
    """Return the certificate behind an https URL; None if it cannot be examined from here, as behind a proxy."""
    address = urlsplit(url)
    context = ssl.create_default_context(cafile=conf.ca_bundle)
    host, port = address.hostname or "", address.port or DEFAULT_PORTS["https"]
    try:
        with (
            socket.create_connection((host, port), read_timeouts()[0]) as plain,
            context.wrap_socket(plain, server_hostname=host) as connection,
        ):
            until = cast(dict[str, str], connection.getpeercert())["notAfter"]
            seconds = ssl.cert_time_to_seconds(until)
            return Certificate(connection.version() or "", datetime.fromtimestamp(seconds, UTC))
    except OSError:
        return None
