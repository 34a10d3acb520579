"""A real clamd of Debian's, with one signature of our own: the string that EICAR made to test scanners with."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

# In two halves, so that no scanner takes this file for infected: https://www.eicar.org/download-anti-malware-testfile/
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
FOUND = "ClamAV found Eicar-Test.UNOFFICIAL."
LARGEST_MIB = 400


class Clamd:
    """Runs from `with` to its end; may be ended, stopped and started again in between, at the same address."""

    def __init__(self, folder: Path, **options: str) -> None:
        self.address = str(folder / "clamd.ctl")
        signatures = folder / "signatures"
        signatures.mkdir()
        (signatures / "eicar.ndb").write_text(f"Eicar-Test:0:*:{EICAR.hex()}\n")
        settings = {
            "DatabaseDirectory": str(signatures),
            "LocalSocket": self.address,
            "Foreground": "yes",
            "FixStaleSocket": "yes",
            "LogFile": str(folder / "clamd.log"),
            **dict.fromkeys(("StreamMaxLength", "MaxFileSize", "MaxScanSize"), f"{LARGEST_MIB}M"),
            "TemporaryDirectory": str(folder),
            **options,
        }
        self._config = folder / "clamd.conf"
        self._config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def start(self) -> None:
        """Start, and wait until it answers."""
        command = ["clamd", "--config-file", str(self._config)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            if self._answers():
                return
            assert self._process.poll() is None, "clamd has ended"
            time.sleep(0.1)
        raise AssertionError("clamd does not answer")

    def end(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def stop(self) -> None:
        """Have it hang: it neither reads nor answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Have it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            try:
                connection.connect(self.address)
                connection.sendall(b"zPING\0")
                return connection.recv(16) == b"PONG\0"
            except OSError:
                return False


def clamd_in(folder: Path, **options: str) -> Iterator[Clamd]:
    """Run one for as long as somebody needs it; where there is no clamd, tests are skipped, but not in CI."""
    if shutil.which("clamd") is None:
        pytest.skip("clamd is not installed: on Debian, apt install clamav-daemon")
    with Clamd(folder, **options) as daemon:
        yield daemon
