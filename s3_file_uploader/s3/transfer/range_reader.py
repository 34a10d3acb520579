"""Ranges of an object, received into memory that is used again: without copies, and without taking fresh memory.

For the stores that `../fast_path.py` asks. Where a range breaks off, or anything else is answered, it ends there: what
is left is for boto3 to ask for.
"""

import ssl
from collections.abc import Generator
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from urllib.parse import urlsplit

from ...conf import conf
from ...values import CHUNK_BYTES
from ..client import ca_bundle
from ..fast_path import NO_BODY_SHA256, is_for_us
from ..presign import signed_request
from ..sigv4 import NOTHING

PARTIAL_CONTENT = 206


class RangeReader:
    """Asks for one range after the other, over one connection that is kept; for one thread at a time."""

    def __init__(self, *, bucket: str, key: str, etag: str) -> None:
        """Take which object, and the ETag that it must have, without quotes; nobody is asked yet."""
        self._bucket, self._key, self._etag = bucket, key, etag
        self._connection: HTTPConnection | None = None
        self._room = memoryview(mmap(-1, CHUNK_BYTES, flags=MAP_PRIVATE | MAP_ANONYMOUS))

    def pieces(self, *, start: int, stop: int) -> Generator[memoryview]:
        """Yield what comes, each piece in the place of the one before it; less than all where something is not right.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html

        Args:
            start: the first byte, counted from 0.
            stop: the byte behind the last.

        Raises:
            StorageNotConfigured: credentials are missing, or the URL is none.
        """
        is_at_end = False
        try:
            answer = self._asked(start, stop) if is_for_us() else None
            while answer is not None and start < stop:
                received = answer.readinto(self._room[: stop - start])
                if not received:
                    return
                start += received
                yield self._room[:received]
            is_at_end = answer is not None and not answer.read(1)  # That of chunks is not there with the last byte.
        except (OSError, HTTPException):
            return
        finally:
            if not is_at_end:  # Whatever is still on its way is not the answer to the next request.
                self.close()

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _asked(self, start: int, stop: int) -> HTTPResponse | None:
        origin, target, signed = signed_request(
            *("GET", self._bucket, self._key),
            query=NOTHING,
            headers={"range": f"bytes={start}-{stop - 1}"},
            payload_sha256=NO_BODY_SHA256,
        )
        if self._connection is None or self._connection.sock is None:  # http.client would connect with other patience.
            self._connection = _connected(origin)
        self._connection.request("GET", target, headers=signed)
        answer = self._connection.getresponse()
        is_right = answer.status == PARTIAL_CONTENT and answer.getheader("ETag", "").strip('"') == self._etag
        return answer if is_right else None


def _connected(origin: str) -> HTTPConnection:
    address, patience = urlsplit(origin.lower()), conf.connect_timeout_seconds  # As the Host header was signed.
    if address.scheme == "https":
        trusted = ssl.create_default_context(cafile=ca_bundle())
        connection: HTTPConnection = HTTPSConnection(address.netloc, timeout=patience, context=trusted)
    else:
        connection = HTTPConnection(address.netloc, timeout=patience)
    connection.connect()
    connection.sock.settimeout(conf.read_timeout_seconds)
    return connection
