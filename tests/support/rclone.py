"""`rclone serve s3`, a bad store: it ignores conditions, and answers 200 to the request of a range.

It keeps no CORS or lifecycle rules and no versions, takes no forms, and reports other ETags for the same object.
https://rclone.org/commands/rclone_serve_s3/#limitations
"""

from s3_file_uploader.embedded.ports import LOOPBACK

from .supervised_store import SupervisedStore, program


class Rclone(SupervisedStore):
    """A server that keeps buckets as folders."""

    variables = {"RCLONE_CONFIG": "/dev/null"}  # noqa: RUF012 - declared in the base class

    def command(self) -> list[str]:
        """Return the command of the server."""
        (self.folder / "data").mkdir(exist_ok=True)
        return [
            program("rclone"),
            "serve",
            "s3",
            f"--addr={LOOPBACK}:{self.port['s3']}",
            f"--auth-key={self.access_key_id},{self.secret_access_key}",
            str(self.folder / "data"),
        ]
