"""A second real store: SeaweedFS with keys, on free local ports, for the duration of a `with` block.

It has its default behaviour: it deletes buckets that are not empty, and creates missing buckets.
https://github.com/seaweedfs/seaweedfs/wiki/Amazon-S3-API
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError
from urllib.request import urlopen

from s3_file_uploader.embedded import free_port, supervisor
from s3_file_uploader.embedded.ports import LOOPBACK
from s3_file_uploader.embedded.private_files import acquire_lock, open_private
from tests.support.certificate import OwnCertificate

READY_WITHIN_SECONDS = 60
STOPPED_WITHIN_SECONDS = 10
SERVERS = ("master.port", "volume.port", "filer.port", "s3.port")
# The users, and what they may do.
ACTIONS = {
    "tests": ["Admin", "Read", "List", "Tagging", "Write"],
    "reader": ["Read", "List"],
    "stranger": ["Read:bucket-of-a-stranger", "List:bucket-of-a-stranger"],
}
# The abilities of SeaweedFS in the terms of S3_FILE_UPLOADER_STORE.
ABILITIES = ["conditional_writes", "conditional_deletes", "checksums"]


class SeaweedFS:
    """The server, and the settings of the app for it."""

    def __init__(self, folder: Path, *, options: Sequence[str] = ()) -> None:
        """Take an empty folder, and more options of the program. Nothing starts yet."""
        self._folder = folder
        self._options, self._https_port = options, free_port()
        self.certificate = folder / "certificate.pem"
        self._keys = {
            name: {"accessKey": secrets.token_hex(10), "secretKey": secrets.token_hex(20)} for name in ACTIONS
        }
        self._ports = {name: free_port() for server in SERVERS for name in (server, f"{server}.grpc")}

    @property
    def endpoint_url(self) -> str:
        """Return the local URL."""
        return f"http://{LOOPBACK}:{self._ports['s3.port']}"

    @property
    def https_url(self) -> str:
        """Return the local URL over TLS, for clients that trust `certificate`."""
        return f"https://{LOOPBACK}:{self._https_port}"

    def environment(self, user: str = "tests") -> dict[str, str]:
        """Return the variables with which the app and other S3 clients use this store, with the rights of a user."""
        return {
            "AWS_STORAGE_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": self._keys[user]["accessKey"],
            "AWS_SECRET_ACCESS_KEY": self._keys[user]["secretKey"],
            "AWS_S3_ENDPOINT_URL": self.endpoint_url,
        }

    def __enter__(self) -> Self:
        """Start the store, and wait until it accepts buckets."""
        self._users = open_private(self._folder / "users")
        acquire_lock(self._users, shared=True)
        with (self._folder / "server.log").open("wb") as log:
            # The supervisor stops the server when this process ends for any reason.
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", supervisor.__file__, "users", *self._command()],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_it_answers()
        return self

    def __exit__(self, *error: Any) -> None:
        self._users.close()
        try:
            self._process.communicate(timeout=STOPPED_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()

    def _command(self) -> list[str]:
        config = self._folder / "s3.json"
        identities = [
            {"name": name, "credentials": [self._keys[name]], "actions": actions} for name, actions in ACTIONS.items()
        ]
        config.write_text(json.dumps({"identities": identities}))
        return [
            str(Path(sys.executable).with_name("weed")),
            "server",
            f"-dir={self._folder}",
            f"-ip={LOOPBACK}",
            f"-ip.bind={LOOPBACK}",
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=64",
            "-volume.max=200",
            "-s3",
            f"-s3.config={config}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            *(f"-{name}={port}" for name, port in self._ports.items()),
            *self._tls_options(),
            *self._options,
        ]

    def _tls_options(self) -> list[str]:
        OwnCertificate(self.certificate)
        files = (f"-s3.{kind}.file={self.certificate}" for kind in ("key", "cert"))
        return [f"-s3.port.https={self._https_port}", *files]

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + READY_WITHIN_SECONDS
        while not self._answers():
            log = self._folder / "server.log"
            assert self._process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.endpoint_url}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except HTTPError:
            return False
        except OSError:
            return False
