"""Start, find again and stop the embedded S3: the JuiceFS gateway, or moto's server where that has no wheel."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO, Self, cast

from . import supervisor
from .errors import EmbeddedS3Error
from .identity import Identity, identity_of, identity_write
from .juicefs import juicefs_command, juicefs_environment, juicefs_format, juicefs_program
from .ports import LOOPBACK, answers, free_port, port_is_free, reached_at
from .private_files import UMASK, locked, opened

READY_WITHIN_SECONDS = 30.0
STOPPED_WITHIN_SECONDS = 5.0
PORT_IS_LEFT_WITHIN_SECONDS = 2.0
LOOK_AGAIN_SECONDS = 0.02
MOTO = "moto"


class EmbeddedS3:
    """A store of its own in one folder, on one port, with random keys that are kept there (mode 0600).

    It runs for the length of the `with` block and no longer than this process, however that dies. A second process
    with the same folder shares the running store.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        address: str = LOOPBACK,
        program: str | None = None,
        ready_within_seconds: float = READY_WITHIN_SECONDS,
        extra_environment: Mapping[str, str] = {},
    ) -> None:
        """Take the folder, made if missing; nothing is started yet.

        Args:
            folder: everything that is kept lies in it; it may be moved while the store does not run.
            address: where to listen; 0.0.0.0 lets a phone on the same network in.
            program: path of a JuiceFS binary, or `MOTO`; by default the `juicefs` beside this Python or on the PATH,
                and moto where there is none.
            ready_within_seconds: how long a start may take.
            extra_environment: more variables for the server, such as MINIO_API_CORS_ALLOW_ORIGIN.
        """
        self.folder = Path(folder).resolve()
        self.address = address
        self.program = program or juicefs_program() or MOTO
        self.pid: int | None = None
        self._ready_within_seconds = ready_within_seconds
        self._extra_environment = dict(extra_environment)
        self._stack = ExitStack()

    @property
    def identity(self) -> Identity:
        """Port, keys and address; the last is right once it runs."""
        return identity_of(self.folder)

    @property
    def endpoint_url(self) -> str:
        """Where this machine reaches it."""
        return f"http://{reached_at(self.identity.address)}:{self.identity.port}"

    def environment(self) -> dict[str, str]:
        """Return the variables with which the app, or any other S3 client, uses this store.

        An empty value takes the place of what a shell may have set for another store.
        """
        return {
            "AWS_STORAGE_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": self.identity.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.identity.secret_access_key,
            "AWS_SESSION_TOKEN": "",
            "AWS_S3_ENDPOINT_URL": self.endpoint_url,
        }

    @property
    def checks_signatures(self) -> bool:
        """Whether it is the JuiceFS gateway; moto's server keeps nothing and lets everybody in."""
        return self.program != MOTO

    def __enter__(self) -> Self:
        """Start it, or find it running, and wait until it answers.

        Raises:
            EmbeddedS3Error: no server is installed, it does not start, or it runs where others cannot reach it.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with ExitStack() as stack:
            if self._is_ours(stack.enter_context(opened(self.folder / "lock"))):
                self._place_take()
                self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop it, if it was started here."""
        self.pid = None
        self._stack.close()

    def _is_ours(self, lock: IO[bytes]) -> bool:
        """Wait until it is ours to start, or another runs it; a process that just ends has the lock, and no store."""
        end = time.monotonic() + self._ready_within_seconds
        while not locked(lock):
            if self._answers():
                self._reach_check()
                return False
            if time.monotonic() > end:
                raise EmbeddedS3Error(f"The process that runs the embedded S3 in {self.folder} hangs: end it first.")
            time.sleep(LOOK_AGAIN_SECONDS)
        return True

    def _reach_check(self) -> None:
        if self.address not in (LOOPBACK, self.identity.address):
            where = self.identity.address
            raise EmbeddedS3Error(f"The embedded S3 in {self.folder} already runs, on {where} only: end that first.")

    def _place_take(self) -> None:
        """Keep the port, or take another if a stranger has it by now; a store that just ends will leave it."""
        kept = self.identity
        end = time.monotonic() + PORT_IS_LEFT_WITHIN_SECONDS
        try:
            while not (free := port_is_free(self.address, kept.port)) and time.monotonic() < end:
                time.sleep(LOOK_AGAIN_SECONDS)
            port = kept.port if free else free_port(self.address)
        except OSError as error:
            raise EmbeddedS3Error(f"The embedded S3 cannot listen on {self.address}: {error.strerror}.") from error
        identity_write(self.folder, replace(kept, address=self.address, port=port))

    def _start(self, stack: ExitStack) -> None:
        process = subprocess.Popen(  # noqa: S603 - programs of our own choice, no shell
            [sys.executable, "-I", "-S", supervisor.__file__, *self._command()],
            cwd=self.folder,
            env=self._server_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stack.enter_context(opened(self.folder / "server.log")),
            start_new_session=True,  # Ctrl-C is for us: we stop it once the last request is answered.
            umask=UMASK,
        )
        stack.callback(_stop, process)
        self.pid = int(cast("IO[bytes]", process.stdout).readline() or 0)
        self._wait_until_it_answers(process)

    def _command(self) -> list[str]:
        if not self.checks_signatures:
            return [sys.executable, "-m", "moto.server", "--host", self.address, "--port", str(self.identity.port)]
        juicefs_format(self.program, self.folder)
        return juicefs_command(self.program, self.identity, self.folder)

    def _server_environment(self) -> dict[str, str]:
        own = juicefs_environment(self.identity, self.folder) if self.checks_signatures else {}
        return {**os.environ, **own, **self._extra_environment}

    def _wait_until_it_answers(self, process: "subprocess.Popen[bytes]") -> None:
        end = time.monotonic() + self._ready_within_seconds
        while not self._answers():
            if process.poll() is not None or time.monotonic() > end:
                raise EmbeddedS3Error(f"The embedded S3 does not start: read {self.folder / 'server.log'}")
            time.sleep(LOOK_AGAIN_SECONDS)

    def _answers(self) -> bool:
        return answers(self.identity.address, self.identity.port)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Close the pipe, upon which the keeper stops the server; if that does not do, or at a second Ctrl-C, kill both."""
    try:
        process.communicate(timeout=STOPPED_WITHIN_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
