"""Send requests to the store as clients of this service do: with a signed URL, or without any credentials."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import urllib3

from ..conf import conf
from ..exceptions import StorageUnavailable
from .client import read_timeouts

MAX_BODY_BYTES = 65_536


class PlainAnswer(NamedTuple):
    """Status, headers, and the beginning of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def send_plainly(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    fields: Mapping[str, str | tuple[str, bytes]] | None = None,
) -> PlainAnswer:
    """Send one request, without retries and without redirects.

    Args:
        method: HTTP method.
        url: signed or not.
        headers: of the request.
        body: of the request.
        fields: send these as form-data instead; a file is a tuple of name and content.

    Raises:
        StorageUnavailable: the store cannot be reached from here.
    """
    connect, read = read_timeouts()
    timeout = urllib3.Timeout(connect=connect, read=read)
    content = {"fields": dict(fields)} if fields else {"body": body}
    try:
        with urllib3.PoolManager(retries=False, timeout=timeout, ca_certs=conf.ca_bundle) as pool:
            answer = pool.request(method, url, headers=headers, preload_content=False, **content)
            try:
                start = answer.read(MAX_BODY_BYTES) if method != "HEAD" else b""
            finally:
                answer.close()
    except urllib3.exceptions.HTTPError as error:
        where, why = urlsplit(url), type(error).__name__  # Its text may hold the URL, and so the signature.
        raise StorageUnavailable(
            f"{where.scheme}://{where.netloc} cannot be reached from here ({why}): check AWS_S3_PUBLIC_ENDPOINT_URL."
        ) from error
    return PlainAnswer(answer.status, answer.headers, start)
