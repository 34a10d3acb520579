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
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError
from urllib.request import urlopen

from s3_file_uploader.embedded import free_port, supervisor
from s3_file_uploader.embedded.ports import LOOPBACK
from s3_file_uploader.embedded.private_files import acquire_lock, open_private

READY_WITHIN_SECONDS = 60
STOPPED_WITHIN_SECONDS = 10
SERVERS = ("master.port", "volume.port", "filer.port", "s3.port")
# The abilities of SeaweedFS in the terms of S3_FILE_UPLOADER_STORE.
ABILITIES = ["conditional_writes", "conditional_deletes", "checksums", "post_forms", "bucket_cors", "lifecycle"]
# By default a bucket takes seven volumes with its first object, and a server has at most `-volume.max`.
ONE_VOLUME_FOR_EACH_BUCKET = {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}
IDENTITY_FILE = "identity.json"


class SeaweedFS:
    """The server, and the settings of the app for it."""

    def __init__(self, folder: Path) -> None:
        """Take an empty folder, or one that was used before: keys and ports stay the same. Nothing starts yet."""
        self.folder = folder
        self.pid: int | None = None
        folder.mkdir(exist_ok=True)
        identity = self._read_identity()
        self._keys, self._ports = identity["keys"], identity["ports"]

    def _read_identity(self) -> dict[str, Any]:
        file = self.folder / IDENTITY_FILE
        if not file.exists():
            keys = {"accessKey": secrets.token_hex(10), "secretKey": secrets.token_hex(20)}
            ports = {name: free_port() for server in SERVERS for name in (server, f"{server}.grpc")}
            file.write_text(json.dumps({"keys": keys, "ports": ports}))
        identity: dict[str, Any] = json.loads(file.read_text())
        return identity

    @property
    def endpoint_url(self) -> str:
        """Return the local URL."""
        return f"http://{LOOPBACK}:{self._ports['s3.port']}"

    def environment(self) -> dict[str, str]:
        """Return the variables with which the app and other S3 clients use this store."""
        return {
            "AWS_STORAGE_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": self._keys["accessKey"],
            "AWS_SECRET_ACCESS_KEY": self._keys["secretKey"],
            "AWS_SESSION_TOKEN": "",
            "AWS_S3_ENDPOINT_URL": self.endpoint_url,
            "S3_FILE_UPLOADER_STORE": ",".join(ABILITIES),
        }

    def __enter__(self) -> Self:
        """Start the store, and wait until it accepts buckets."""
        self._users = open_private(self.folder / "users")
        acquire_lock(self._users, shared=True)
        with (self.folder / "server.log").open("wb") as log:
            # The supervisor stops the server when this process ends for any reason.
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", supervisor.__file__, "users", *self._command()],
                cwd=self.folder,
                env={**os.environ, **ONE_VOLUME_FOR_EACH_BUCKET},
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

    def _command(self) -> list[str]:
        config = self.folder / "s3.json"
        admin = {"name": "tests", "credentials": [self._keys], "actions": ["Admin", "Read", "List", "Tagging", "Write"]}
        config.write_text(json.dumps({"identities": [admin]}))
        return [
            str(Path(sys.executable).with_name("weed")),
            "server",
            f"-dir={self.folder}",
            f"-ip={LOOPBACK}",
            f"-ip.bind={LOOPBACK}",
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=64",
            "-volume.max=2000",
            "-s3",
            f"-s3.config={config}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            *(f"-{name}={port}" for name, port in self._ports.items()),
        ]

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + READY_WITHIN_SECONDS
        while not self._answers():
            log = self.folder / "server.log"
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
