"""A real clamd of Debian with a single signature, for the EICAR string that exists to test scanners."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import pytest

from tests.support.programs import Program
from tests.support.programs import clamd as clamd_program

# Two halves, so that no scanner takes this file for infected: https://www.eicar.org/download-anti-malware-testfile/
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
FOUND_VIRUS = "ClamAV found Eicar-Test.UNOFFICIAL."
LARGEST_MIB = 400
MISSING = "there is no clamd, and apt-get did not bring one (.debian/log says why)"


class Clamd:
    """A daemon for the duration of a `with` block. It can be killed, paused and restarted at the same address."""

    def __init__(self, program: Program, folder: Path, **options: str) -> None:
        self._program = program
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
        """Start the daemon, and wait until it responds."""
        command = [self._program.path, "--config-file", str(self._config)]
        nothing = subprocess.DEVNULL
        self._process = subprocess.Popen(command, env=self._program.environment, stdout=nothing, stderr=nothing)
        for _ in range(300):
            if self._answers():
                return
            assert self._process.poll() is None, "clamd has ended"
            time.sleep(0.1)
        raise AssertionError("clamd does not answer")

    def end(self) -> None:
        """Kill the daemon, like a crash."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def stop(self) -> None:
        """Pause the daemon, so that it neither reads nor responds."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Resume the daemon."""
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


@contextmanager
def clamd(**options: str) -> Iterator[Clamd]:
    """Run a daemon. Skip the test if clamd is missing, but fail in CI."""
    program = clamd_program()
    if program is None and os.environ.get("CI"):
        pytest.fail(MISSING)
    if program is None:
        pytest.skip(MISSING)
    # The path of a socket has at most 107 characters, and pytest's temporary folders may be longer.
    with TemporaryDirectory(prefix="clamd-") as folder, Clamd(program, Path(folder), **options) as daemon:
        yield daemon
