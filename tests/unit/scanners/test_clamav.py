import socket
from contextlib import closing
from threading import Thread

import pytest

from s3_file_uploader.models import FileUpload
from s3_file_uploader.scanners import ClamAV, ScanFailed, ScannerUnavailable, TooLargeToScan, Verdict

CLEAN = Verdict(is_clean=True)


class Daemon:
    """Reads what it is to read, says what it is to say, and hangs up."""

    def __init__(self, answer, *, reads, listener=None):
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:{1}".format(*self._listener.getsockname()) if listener is None else ""
        self.received = b""
        self._answer, self._reads = answer, reads
        self._thread = Thread(target=self._serve)

    def _serve(self):
        connection, _ = self._listener.accept()
        with closing(connection):
            while self._reads(self.received):
                self.received += connection.recv(1 << 16)
            connection.sendall(self._answer)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._thread.join(10)
        self._listener.close()


def to_the_end(received):
    return not received.endswith(bytes(4))


def scan(settings, answer, *, chunks=(b"con", b"tent"), reads=to_the_end, size=7):
    with Daemon(answer, reads=reads) as daemon:
        settings.S3_FILE_UPLOADER_CLAMAV_ADDRESS = daemon.address
        verdict = ClamAV().scan(iter(chunks), upload=FileUpload(size=size))
    return verdict, daemon.received


def test_the_bytes_go_in_pieces(settings):
    verdict, received = scan(settings, b"stream: OK\0")
    assert verdict == CLEAN
    assert received == b"zINSTREAM\0\0\0\0\x03con\0\0\0\x04tent\0\0\0\0"


def test_a_daemon_on_a_socket_of_this_machine(settings, tmp_path):
    with socket.create_server(str(tmp_path / "clamd"), family=socket.AF_UNIX) as listener:
        daemon = Daemon(b"stream: OK\0", reads=to_the_end, listener=listener)
        settings.S3_FILE_UPLOADER_CLAMAV_ADDRESS = str(tmp_path / "clamd")
        with daemon:
            assert ClamAV().scan(iter((b"content",)), upload=FileUpload(size=7)) == CLEAN


def test_what_was_found(settings):
    assert scan(settings, b"stream: Win.Test.EICAR_HDB-1 FOUND\0")[0] == Verdict(
        is_clean=False, reason="ClamAV found Win.Test.EICAR_HDB-1."
    )


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"stream: OK but", "says 'OK but'"),
        (b"stream: OKAY\0", "says"),
        (b"stream: Can't allocate memory ERROR\0", "Can't allocate memory"),
        (b"UNKNOWN COMMAND\0", "UNKNOWN COMMAND"),
        (b"stream: Heuristics.Limits.Exceeded.MaxFiles FOUND\0", "Limits"),
        (b"\xff" * 5000, "says"),
    ],
)
def test_what_is_no_clear_answer_is_none(settings, answer, message):
    with pytest.raises(ScanFailed, match=message):
        scan(settings, answer)


@pytest.mark.parametrize("answer", [b"", b"\0"])
def test_a_daemon_that_hangs_up_at_the_end_has_said_nothing(settings, answer):
    with pytest.raises(ScannerUnavailable, match="broke off"):
        scan(settings, answer)


def test_an_answer_that_ends_with_the_connection_counts(settings):
    assert scan(settings, b"stream: OK")[0] == CLEAN


def test_what_is_too_large_for_the_daemon(settings):
    with pytest.raises(TooLargeToScan, match="larger"):
        scan(settings, b"INSTREAM size limit exceeded. ERROR\0")


def test_what_is_too_large_is_not_sent(settings):
    settings.S3_FILE_UPLOADER_CLAMAV_MAX_BYTES = 6
    with pytest.raises(TooLargeToScan, match="more than the 6 bytes"):
        ClamAV().scan(iter([b"content"]), upload=FileUpload(size=7))


def test_a_daemon_that_hangs_up_in_the_middle_has_said_nothing(settings):
    """Also if it seems to have said that all is well."""
    chunks = (bytes(1 << 20) for _ in range(64))
    with pytest.raises(ScannerUnavailable, match="broke off"):
        scan(settings, b"stream: OK\0", chunks=chunks, reads=lambda received: not received)


def test_nobody_is_there(settings, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for address in (f"127.0.0.1:{port}", "/no/such/clamd.ctl", f"[::1]:{port}"):
        settings.S3_FILE_UPLOADER_CLAMAV_ADDRESS = address
        with pytest.raises(ScannerUnavailable, match="cannot be reached"):
            ClamAV().scan(iter([b"content"]), upload=FileUpload(size=None))


@pytest.mark.parametrize("chunks", [[b"content"], [bytes(1 << 20)] * 64])
def test_a_daemon_that_hangs(settings, chunks):
    settings.S3_FILE_UPLOADER_CLAMAV_TIMEOUT_SECONDS = 0.2
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings.S3_FILE_UPLOADER_CLAMAV_ADDRESS = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(ScannerUnavailable, match=r"silent for 0\.2 seconds"):
            ClamAV().scan(iter(chunks), upload=FileUpload(size=7))


def test_what_reading_raises_is_passed_on(settings):
    def broken():
        yield b"con"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        scan(settings, b"", chunks=broken(), reads=lambda received: not received.endswith(b"con"))
