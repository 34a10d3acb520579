"""SeaweedFS as a real store of the tests, over http and over https.

It has its default behaviour: it deletes buckets that are not empty, and creates missing buckets.
https://github.com/seaweedfs/seaweedfs/wiki/Amazon-S3-API
"""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path

from s3_file_uploader.embedded.ports import LOOPBACK

from .certificate import OwnCertificate
from .supervised_store import SupervisedStore, program

SERVERS = ("s3.port", "master.port", "volume.port", "filer.port")
TLS_PORT = "s3.port.https"
# The users, and what they may do.
ACTIONS = {
    "tests": ["Admin", "Read", "List", "Tagging", "Write"],
    "reader": ["Read", "List"],
    "stranger": ["Read:bucket-of-a-stranger", "List:bucket-of-a-stranger"],
}
# The abilities of SeaweedFS in the terms of S3_FILE_UPLOADER_STORE.
ABILITIES = ("conditional_writes", "conditional_deletes", "checksums", "post_forms", "bucket_cors", "lifecycle")


class SeaweedFS(SupervisedStore):
    """A server of all parts of SeaweedFS."""

    ports = (*(name for server in SERVERS for name in (server, f"{server}.grpc")), TLS_PORT)
    abilities = ABILITIES
    # By default a bucket takes seven volumes with its first object, and a server has at most `-volume.max`.
    variables = {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}  # noqa: RUF012 - declared in the base class
    path_when_ready = "/healthz"

    def __init__(self, folder: Path, *, options: Sequence[str] = ()) -> None:
        """Take the folder, as the base class does, and more options of the program."""
        super().__init__(folder)
        self.certificate = folder / "certificate.pem"
        self._options = options
        self._keys = {name: (secrets.token_hex(10), secrets.token_hex(20)) for name in ACTIONS}
        self._keys["tests"] = (self.access_key_id, self.secret_access_key)

    @property
    def https_url(self) -> str:
        """Return the local URL over TLS, for clients that trust `certificate`."""
        return f"https://{LOOPBACK}:{self.port[TLS_PORT]}"

    def environment(self, user: str = "tests") -> dict[str, str]:
        """Return the variables of the base class, with the rights of a user."""
        access_key_id, secret_access_key = self._keys[user]
        keys = {"AWS_ACCESS_KEY_ID": access_key_id, "AWS_SECRET_ACCESS_KEY": secret_access_key}
        return {**super().environment(), **keys}

    def command(self) -> list[str]:
        """Return the command of the server."""
        return [
            program("weed"),
            "server",
            f"-dir={self.folder}",
            f"-ip={LOOPBACK}",
            f"-ip.bind={LOOPBACK}",
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=64",
            "-volume.max=2000",
            "-s3",
            f"-s3.config={self._write_users()}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            *(f"-{name}={port}" for name, port in self.port.items()),
            *self._tls_options(),
            *self._options,
        ]

    def _write_users(self) -> Path:
        config = self.folder / "s3.json"
        identities = [
            {"name": name, "credentials": [{"accessKey": keys[0], "secretKey": keys[1]}], "actions": ACTIONS[name]}
            for name, keys in self._keys.items()
        ]
        config.write_text(json.dumps({"identities": identities}))
        return config

    def _tls_options(self) -> list[str]:
        OwnCertificate(self.certificate)
        return [f"-s3.{kind}.file={self.certificate}" for kind in ("key", "cert")]
