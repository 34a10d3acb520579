r"""ClamAV: its daemon, asked over a socket, so that the bytes go to it as they come from S3.

    "zINSTREAM\0", then size and bytes of each piece, then size 0  ──>  "stream: OK\0", "stream: NAME FOUND\0"

https://docs.clamav.net/manual/Usage/Scanning.html and the page of clamd(8).
The library `clamav-client` sends pieces of 1 KiB, waits without end for a daemon that hangs, and does not read what the
daemon says when it hangs up since the file is too large for it; so this speaks for itself.
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
# The longest names of signatures have some hundred characters.
MAX_ANSWER_BYTES = 4096
# Said of a file that was not looked at to its end, with AlertExceedsMax, and of one too large for StreamMaxLength.
LIMITS_EXCEEDED = "Heuristics.Limits.Exceeded"
SIZE_EXCEEDED = "INSTREAM size limit exceeded"


class ClamAV:
    """A scanner; S3_FILE_UPLOADER_CLAMAV_ADDRESS says where the daemon listens."""

    def scan(self, chunks: Iterator[bytes], *, upload: "FileUpload") -> Verdict:
        """Stream a file to the daemon; one piece is in memory at a time.

        Raises:
            ScannerUnavailable: the daemon cannot be reached, is silent for too long, or breaks off.
            ScanFailed: it answers with an error, or has not looked at all of the file.
            TooLargeToScan: the file is larger than S3_FILE_UPLOADER_CLAMAV_MAX_BYTES, or than the daemon takes.
        """
        if (upload.size or 0) > conf.clamav_max_bytes:
            raise TooLargeToScan(f"The file has more than the {conf.clamav_max_bytes} bytes that ClamAV looks at.")
        with closing(_connected()) as daemon:
            is_sent = _is_sent(daemon, chunks)
            verdict = _verdict(_answer(daemon))
        if verdict.is_clean and not is_sent:
            raise _broken()
        return verdict


def _connected() -> socket.socket:
    try:
        return _socket(conf.clamav_address)
    except OSError as error:
        raise ScannerUnavailable("ClamAV cannot be reached: the file is scanned as soon as it can.") from error


def _socket(address: str) -> socket.socket:
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


def _is_sent(daemon: socket.socket, chunks: Iterator[bytes]) -> bool:
    """Send all of it, or tell that the daemon has hung up; it has said why then."""
    with suppress(BrokenPipeError, ConnectionResetError):
        _pass_on(daemon, COMMAND)
        for chunk in chunks:
            _pass_on(daemon, pack("!L", len(chunk)))
            _pass_on(daemon, chunk)
        _pass_on(daemon, pack("!L", 0))
        return True
    return False


def _pass_on(daemon: socket.socket, data: bytes) -> None:
    try:
        daemon.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        raise
    except OSError as error:
        raise _broken(error) from error


def _answer(daemon: socket.socket) -> str:
    answer = b""
    try:
        while END not in answer and len(answer) < MAX_ANSWER_BYTES and (data := daemon.recv(MAX_ANSWER_BYTES)):
            answer += data
    except OSError as error:
        raise _broken(error) from error
    return answer.partition(END)[0].decode(errors="replace").strip()


def _broken(error: OSError | None = None) -> ScannerUnavailable:
    if isinstance(error, TimeoutError):
        seconds = conf.clamav_timeout_seconds
        return ScannerUnavailable(f"ClamAV was silent for {seconds:g} seconds: the file is scanned again.")
    return ScannerUnavailable("ClamAV broke off: the file is scanned again.")


def _verdict(answer: str) -> Verdict:
    """Read what the daemon said; whatever is not a clear answer is none."""
    found = answer.removeprefix("stream: ")
    if not found:
        raise _broken()
    if found == "OK":
        return Verdict(is_clean=True)
    if SIZE_EXCEEDED in found:
        raise TooLargeToScan("The file is larger than ClamAV is set up to look at.")
    if found.endswith(" FOUND") and not found.startswith(LIMITS_EXCEEDED):
        return Verdict(is_clean=False, reason=f"ClamAV found {found.removesuffix(' FOUND')}.")
    raise ScanFailed(f"ClamAV says {found!r}: the file is scanned again.")
