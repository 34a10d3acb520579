r"""Scan with ClamAV's daemon. Each chunk goes from S3 to its socket, so no file is on disk or whole in memory.

    "zINSTREAM\0", then size and bytes of each chunk, then size 0  ──>  "stream: OK\0", "stream: NAME FOUND\0"

https://docs.clamav.net/manual/Usage/Scanning.html and the page of clamd(8).
This module implements the protocol itself, because the library `clamav-client` sends chunks of 1 KiB, has no timeout,
and does not read the daemon's response if the daemon closes the connection because the file is too large.
"""

import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from struct import pack
from typing import TYPE_CHECKING

from ..conf import conf
from .interface import ScanFailed, ScannerUnavailable, TooLargeToScan, Verdict

if TYPE_CHECKING:
    from ..models import FileUpload

COMMAND = b"zINSTREAM\0"
END = b"\0"
# The longest names of signatures have about a hundred characters.
MAX_RESPONSE_BYTES = 4096
# The daemon reports the first if AlertExceedsMax is set and it did not scan the whole file, the second if the file is
# larger than StreamMaxLength.
LIMITS_EXCEEDED = "Heuristics.Limits.Exceeded"
SIZE_EXCEEDED = "INSTREAM size limit exceeded"


class ClamAV:
    """A scanner that uses the daemon at S3_FILE_UPLOADER_CLAMAV_ADDRESS."""

    def scan(self, chunks: Iterator[bytes], *, upload: "FileUpload") -> Verdict:
        """Stream a file to the daemon, with one chunk in memory at a time.

        Raises:
            ScannerUnavailable: the daemon is unreachable, does not respond in time, or closes the connection.
            ScanFailed: the daemon responds with an error, or did not scan the whole file.
            TooLargeToScan: the file is larger than S3_FILE_UPLOADER_CLAMAV_MAX_BYTES, or than the daemon's limit.
        """
        if (upload.size or 0) > conf.clamav_max_bytes:
            raise TooLargeToScan(f"The file is larger than the {conf.clamav_max_bytes} bytes that ClamAV scans.")
        with closing(_connect()) as daemon:
            is_sent = _send_file(daemon, chunks)
            verdict = _parse_verdict(_read_response(daemon))
        if verdict.is_clean and not is_sent:
            raise _build_error()
        return verdict


def _connect() -> socket.socket:
    try:
        return _open_socket(conf.clamav_address)
    except OSError as error:
        raise ScannerUnavailable("ClamAV cannot be reached. The file is scanned once it can.") from error


def _open_socket(address: str) -> socket.socket:
    """Connect to the path of a socket, or to `host:port`."""
    if not address.startswith("/"):
        host, _, port = address.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), conf.clamav_timeout_seconds)
    daemon = socket.socket(socket.AF_UNIX)
    try:
        daemon.settimeout(conf.clamav_timeout_seconds)
        daemon.connect(address)
    except OSError:
        daemon.close()
        raise
    return daemon


def _send_file(daemon: socket.socket, chunks: Iterator[bytes]) -> bool:
    """Send all chunks. Return False if the daemon closed the connection: it sent the reason before."""
    with suppress(BrokenPipeError, ConnectionResetError):
        _send(daemon, COMMAND)
        for chunk in chunks:
            _send(daemon, pack("!L", len(chunk)))
            _send(daemon, chunk)
        _send(daemon, pack("!L", 0))
        return True
    return False


def _send(daemon: socket.socket, data: bytes) -> None:
    try:
        daemon.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        raise
    except OSError as error:
        raise _build_error(error) from error


def _read_response(daemon: socket.socket) -> str:
    response = b""
    try:
        while END not in response and len(response) < MAX_RESPONSE_BYTES and (data := daemon.recv(MAX_RESPONSE_BYTES)):
            response += data
    except OSError as error:
        raise _build_error(error) from error
    return response.partition(END)[0].decode(errors="replace").strip()


def _build_error(error: OSError | None = None) -> ScannerUnavailable:
    if isinstance(error, TimeoutError):
        seconds = conf.clamav_timeout_seconds
        return ScannerUnavailable(f"ClamAV did not respond for {seconds:g} seconds. The file is scanned again.")
    return ScannerUnavailable("ClamAV closed the connection. The file is scanned again.")


def _parse_verdict(response: str) -> Verdict:
    """Return the verdict in the daemon's response. An unclear response counts as a failure, not as clean."""
    result = response.removeprefix("stream: ")
    if not result:
        raise _build_error()
    if result == "OK":
        return Verdict(is_clean=True)
    if SIZE_EXCEEDED in result:
        raise TooLargeToScan("The file is larger than StreamMaxLength, the limit of ClamAV.")
    if result.endswith(" FOUND") and not result.startswith(LIMITS_EXCEEDED):
        return Verdict(is_clean=False, reason=f"ClamAV found {result.removesuffix(' FOUND')}.")
    raise ScanFailed(f"ClamAV responded {result!r}. The file is scanned again.")
