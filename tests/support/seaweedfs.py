"""SeaweedFS as a real store of the tests.

It has its default behaviour: it deletes buckets that are not empty, and creates missing buckets.
https://github.com/seaweedfs/seaweedfs/wiki/Amazon-S3-API
"""

import json

from s3_file_uploader.embedded.ports import LOOPBACK

from .supervised_store import SupervisedStore, program

SERVERS = ("s3.port", "master.port", "volume.port", "filer.port")
# The abilities of SeaweedFS in the terms of S3_FILE_UPLOADER_STORE.
ABILITIES = ("conditional_writes", "conditional_deletes", "checksums", "post_forms", "bucket_cors", "lifecycle")


class SeaweedFS(SupervisedStore):
    """A server of all parts of SeaweedFS."""

    ports = tuple(name for server in SERVERS for name in (server, f"{server}.grpc"))
    abilities = ABILITIES
    # By default a bucket takes seven volumes with its first object, and a server has at most `-volume.max`.
    variables = {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}  # noqa: RUF012 - declared in the base class
    path_when_ready = "/healthz"

    def command(self) -> list[str]:
        """Return the command of the server."""
        config = self.folder / "s3.json"
        keys = {"accessKey": self.access_key_id, "secretKey": self.secret_access_key}
        admin = {"name": "tests", "credentials": [keys], "actions": ["Admin", "Read", "List", "Tagging", "Write"]}
        config.write_text(json.dumps({"identities": [admin]}))
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
            f"-s3.config={config}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            *(f"-{name}={port}" for name, port in self.port.items()),
        ]
