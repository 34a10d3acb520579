"""The stage of the contenders: a store, a database with one user, and files to send, in one folder."""

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from s3_file_uploader.embedded import EmbeddedS3
from tests.support.seaweedfs import SeaweedFS

from .processes import ROOT
from .store import BUCKET, CHECKSUMS, client_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 2**20
KIB = 2**10
SMALL_WARM_UP_KIB = 64
LARGE_WARM_UP_MIB = 24
URL_WORKS_SECONDS = 24 * 60 * 60
# Uploads of 1 GiB fill a few volumes of this size. With smaller ones the store would run out of them.
FEW_LARGE_VOLUMES = ("-master.volumeSizeLimitMB=4096", "-volume.max=40")
LIKE_AWS = {"DJANGO_SETTINGS_MODULE": "benchmarks.aws_settings", CHECKSUMS: "when_supported"}
OF_OTHERS = (
    "AWS_",
    "DATABASE_URL",
    "DATA_DIR",
    "DJANGO_",
    "EMBEDDED_S3",
    "GUNICORN_",
    "PATH_TO_SAVE",
    "WEB_CONCURRENCY",
)


@dataclass(frozen=True)
class Stage:
    """Everything that a contender needs."""

    folder: Path
    environment: Mapping[str, str]
    token: str
    store: "S3Client"
    store_pid: int = 0
    certificate: Path | None = None

    @property
    def trust(self) -> ssl.SSLContext | bool:
        """How a client of this process verifies the store."""
        return ssl.create_default_context(cafile=self.certificate) if self.certificate else True

    @property
    def authorization(self) -> dict[str, str]:
        """The Authorization header of the user."""
        return {"Authorization": f"Token {self.token}"}

    def presigned(self, operation: Literal["get_object", "put_object"], key: str) -> str:
        """Return a presigned URL of the store."""
        return self.store.generate_presigned_url(
            operation, Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=URL_WORKS_SECONDS
        )

    @contextmanager
    def bucket(self) -> Iterator[None]:
        """Create the bucket, and remove it with all that it holds, which SeaweedFS allows."""
        self.store.create_bucket(Bucket=BUCKET)
        yield
        self.store.delete_bucket(Bucket=BUCKET)

    def file(self, size_mib: int) -> Path:
        """Return a file of the size with random bytes, created on first use."""
        return self._file(f"{size_mib}-mib.bin", os.urandom(MIB), size_mib)

    def small_files(self, count: int, size: int) -> list[Path]:
        """Return so many files of `size` bytes, each with other random bytes, created on first use."""
        return [self._file(f"small-{number:05}.bin", os.urandom(size), 1) for number in range(count)]

    def small_warm_up_file(self) -> Path:
        """Return the first file of the warm-up, which is a single PUT for all contenders."""
        return self._file("small-warm-up.bin", os.urandom(KIB), SMALL_WARM_UP_KIB)

    def large_warm_up_file(self) -> Path:
        """Return the second file of the warm-up, which has parts for all contenders and so loads other code."""
        return self._file("large-warm-up.bin", os.urandom(MIB), LARGE_WARM_UP_MIB)

    def _file(self, name: str, block: bytes, count: int) -> Path:
        path = self.folder / name
        if not path.exists():
            with path.open("wb") as file:
                for _ in range(count):
                    file.write(block)
        return path


@contextmanager
def staged(folder: Path, *, database_url: str = "") -> Iterator[Stage]:
    """Build a stage, and remove it with the block.

    Args:
        folder: an existing, empty folder.
        database_url: the URL of an empty database, by default SQLite in the folder.
    """
    with EmbeddedS3(folder / "s3") as store:
        environment = {**environment_of(folder, database_url=database_url), **store.environment()}
        client = client_of(environment)
        client.create_bucket(Bucket=BUCKET)
        yield Stage(folder, environment, manage("stage_prepare", environment=environment), client, store.pid or 0)


@contextmanager
def staged_like_aws(folder: Path) -> Iterator[tuple[Stage, Stage]]:
    """Build two stages on one store, SeaweedFS, and remove them with the block.

    The first one is that of users of AWS: https, a store with all abilities, boto3 with its own checksums. The second
    one is that of users of another store: http, no abilities, no checksums.

    Args:
        folder: an existing, empty folder.
    """
    (folder / "s3").mkdir()
    with SeaweedFS(folder / "s3", options=FEW_LARGE_VOLUMES) as store:
        http = {**environment_of(folder), **store.environment(), "S3_FILE_UPLOADER_STORE": ""}
        trust = {"AWS_S3_ENDPOINT_URL": store.https_url, "AWS_CA_BUNDLE": str(store.certificate)}
        https = {**http, **trust, **LIKE_AWS}
        token = manage("stage_prepare", environment=http)
        over_https = Stage(folder, https, token, client_of(https), certificate=store.certificate)
        yield over_https, Stage(folder, http, token, client_of(http))


def environment_of(folder: Path, *, database_url: str = "") -> dict[str, str]:
    """Return this process's variables with those of the host project, but without those of other projects or `.env`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OF_OTHERS)}
    downloads = folder / "downloads"
    downloads.mkdir(exist_ok=True)
    return {
        **inherited,
        "PYTHON_DOTENV_DISABLED": "true",
        "DATA_DIR": str(folder),
        "DATABASE_URL": database_url,
        "EMBEDDED_S3": "false",
        "PATH_TO_SAVE_FILE": str(downloads),
    }


def manage(command: str, *arguments: str, environment: Mapping[str, str]) -> str:
    """Run a command of the rivals' project in its own process. Return its output."""
    line = [sys.executable, "-m", "django", command, *arguments, "--settings=benchmarks.rivals.settings"]
    done = subprocess.run(line, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()
