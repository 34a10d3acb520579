import socket
from contextlib import closing
from threading import Thread

import pytest

from s3_file_uploader.models import FileUpload
from s3_file_uploader.scanners import ClamAV, ScanFailed, ScannerUnavailable, TooLargeToScan, Verdict

CLEAN = Verdict(is_clean=True)


class FakeDaemon:
    """A daemon that reads until `reads` is false, sends its response, and closes the connection."""

    def __init__(self, response, *, reads, listener=None):
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:{1}".format(*self._listener.getsockname()) if listener is None else ""
        self.received = b""
        self._response, self._reads = response, reads
        self._thread = Thread(target=self._serve)

    def _serve(self):
        connection, _ = self._listener.accept()
        with closing(connection):
            while self._reads(self.received):
                self.received += connection.recv(1 << 16)
            connection.sendall(self._response)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._thread.join(10)
        self._listener.close()


def reads_to_the_end(received):
    return not received.endswith(bytes(4))


def scan(settings, response, *, chunks=(b"con", b"tent"), reads=reads_to_the_end, size=7):
    with FakeDaemon(response, reads=reads) as daemon:
        settings.S3_FILE_UPLOADER_CLAMAV_ADDRESS = daemon.address
        verdict = ClamAV().scan(iter(chunks), upload=FileUpload(size=size))
    return verdict, daemon.received


def test_scan_sends_each_chunk_with_its_size(settings):
    verdict, received = scan(settings, b"stream: OK\0")
    assert verdict == CLEAN
    assert received == b"zINSTREAM\0\0\0\0\x03con\0\0\0\x04tent\0\0\0\0"


def test_scan_with_a_unix_socket_returns_the_verdict(settings, tmp_path):
    with socket.create_server(str(tmp_path / "clamd"), family=socket.AF_UNIX) as listener:
        daemon = FakeDaemon(b"stream: OK\0", reads=reads_to_the_end, listener=listener)
        settings.S3_FILE_UPLOADER_CLAMAV_ADDRESS = str(tmp_path / "clamd")
        with daemon:
            assert ClamAV().scan(iter((b"content",)), upload=FileUpload(size=7)) == CLEAN


def test_scan_of_an_infected_file_returns_the_name(settings):
    assert scan(settings, b"stream: Win.Test.EICAR_HDB-1 FOUND\0")[0] == Verdict(
        is_clean=False, reason="ClamAV found Win.Test.EICAR_HDB-1."
    )


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (b"stream: OK but", "responded 'OK but'"),
        (b"stream: OKAY\0", "responded"),
        (b"stream: Can't allocate memory ERROR\0", "Can't allocate memory"),
        (b"UNKNOWN COMMAND\0", "UNKNOWN COMMAND"),
        (b"stream: Heuristics.Limits.Exceeded.MaxFiles FOUND\0", "Limits"),
        (b"\xff" * 5000, "responded"),
    ],
)
def test_scan_with_an_unclear_response_fails(settings, response, message):
    with pytest.raises(ScanFailed, match=message):
        scan(settings, response)


@pytest.mark.parametrize("response", [b"", b"\0"])
def test_scan_without_a_response_is_unavailable(settings, response):
    with pytest.raises(ScannerUnavailable, match="closed the connection"):
        scan(settings, response)


def test_scan_with_a_response_without_terminator_counts(settings):
    assert scan(settings, b"stream: OK")[0] == CLEAN


def test_scan_over_the_limit_of_the_daemon_is_too_large(settings):
    with pytest.raises(TooLargeToScan, match="larger"):
        scan(settings, b"INSTREAM size limit exceeded. ERROR\0")


def test_scan_over_the_limit_of_the_setting_sends_nothing(settings):
    settings.S3_FILE_UPLOADER_CLAMAV_MAX_BYTES = 6
    with pytest.raises(TooLargeToScan, match="larger than the 6 bytes"):
        ClamAV().scan(iter([b"content"]), upload=FileUpload(size=7))


def test_scan_with_an_early_close_is_unavailable(settings):
    """The response OK does not count, because the daemon did not read the whole file."""
    chunks = (bytes(1 << 20) for _ in range(64))
    with pytest.raises(ScannerUnavailable, match="closed the connection"):
        scan(settings, b"stream: OK\0", chunks=chunks, reads=lambda received: not received)


def test_scan_without_a_daemon_is_unavailable(settings, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for address in (f"127.0.0.1:{port}", "/no/such/clamd.ctl", f"[::1]:{port}"):
        settings.S3_FILE_UPLOADER_CLAMAV_ADDRESS = address
        with pytest.raises(ScannerUnavailable, match="cannot be reached"):
            ClamAV().scan(iter([b"content"]), upload=FileUpload(size=None))


@pytest.mark.parametrize("chunks", [[b"content"], [bytes(1 << 20)] * 64])
def test_scan_with_a_silent_daemon_times_out(settings, chunks):
    settings.S3_FILE_UPLOADER_CLAMAV_TIMEOUT_SECONDS = 0.2
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings.S3_FILE_UPLOADER_CLAMAV_ADDRESS = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(ScannerUnavailable, match=r"respond for 0\.2 seconds"):
            ClamAV().scan(iter(chunks), upload=FileUpload(size=7))


def test_scan_passes_on_errors_of_the_chunks(settings):
    def broken():
        yield b"con"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        scan(settings, b"", chunks=broken(), reads=lambda received: not received.endswith(b"con"))
