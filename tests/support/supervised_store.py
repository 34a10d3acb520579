"""A store in a process of its own, with keys, on free local ports, for the duration of a `with` block."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.error import HTTPError
from urllib.request import urlopen

from s3_file_uploader.embedded import free_port, supervisor
from s3_file_uploader.embedded.ports import LOOPBACK
from s3_file_uploader.embedded.private_files import acquire_lock, open_private

READY_WITHIN_SECONDS = 60
STOPPED_WITHIN_SECONDS = 10
IDENTITY_FILE = "identity.json"


class SupervisedStore:
    """The server, and the settings of the app for it. A kind of store names its ports, abilities and command."""

    ports: ClassVar[tuple[str, ...]] = ("s3",)
    abilities: ClassVar[tuple[str, ...]] = ()
    variables: ClassVar[dict[str, str]] = {}
    path_when_ready: ClassVar[str] = "/"

    def __init__(self, folder: Path) -> None:
        """Take an empty folder, or one that was used before: keys and ports stay the same. Nothing starts yet."""
        self.folder = folder
        self.pid: int | None = None
        folder.mkdir(exist_ok=True)
        identity = self._read_identity()
        self.access_key_id, self.secret_access_key = identity["keys"]
        self.port: dict[str, int] = identity["ports"]

    def command(self) -> list[str]:
        """Return the command of the server."""
        raise NotImplementedError

    def _read_identity(self) -> dict[str, Any]:
        file = self.folder / IDENTITY_FILE
        if not file.exists():
            keys = [secrets.token_hex(10), secrets.token_hex(20)]
            file.write_text(json.dumps({"keys": keys, "ports": {name: free_port() for name in self.ports}}))
        identity: dict[str, Any] = json.loads(file.read_text())
        return identity

    @property
    def endpoint_url(self) -> str:
        """Return the local URL."""
        return f"http://{LOOPBACK}:{self.port[self.ports[0]]}"

    def environment(self) -> dict[str, str]:
        """Return the variables with which the app and other S3 clients use this store."""
        return {
            "AWS_STORAGE_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_SESSION_TOKEN": "",
            "AWS_S3_ENDPOINT_URL": self.endpoint_url,
            "S3_FILE_UPLOADER_STORE": ",".join(self.abilities),
        }

    def __enter__(self) -> Self:
        """Start the store, and wait until it accepts requests."""
        self._users = open_private(self.folder / "users")
        acquire_lock(self._users, shared=True)
        with (self.folder / "server.log").open("wb") as log:
            # The supervisor stops the server when this process ends for any reason.
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", supervisor.__file__, "users", *self.command()],
                cwd=self.folder,
                env={**os.environ, **self.variables},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        self.pid = int(self._process.stdout.readline())
        self._wait_until_it_answers()
        return self

    def __exit__(self, *error: Any) -> None:
        self._users.close()
        try:
            self._process.communicate(timeout=STOPPED_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + READY_WITHIN_SECONDS
        while not self._answers():
            log = self.folder / "server.log"
            assert self._process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.endpoint_url}{self.path_when_ready}", timeout=5) as answer:
                return bool(answer.status == 200)
        except HTTPError as error:
            return error.code < 500
        except OSError:
            return False


def program(name: str) -> str:
    """Return the path of a program that a Python package brought along."""
    return str(Path(sys.executable).with_name(name))
