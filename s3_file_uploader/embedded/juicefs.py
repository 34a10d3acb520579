"""How the JuiceFS gateway is told to be an S3: https://juicefs.com/docs/community/guide/gateway/ ."""

import shutil
import subprocess
import sysconfig
from pathlib import Path

from .errors import EmbeddedS3Error
from .identity import Identity
from .ports import LOOPBACK, free_port
from .private_files import UMASK

# It runs in its folder and is given relative names: within the URL of a database, a path would have to do without ?
# and %, and the folder could not be moved.
DATABASE = "badger://metadata"
SQLITE_FILE = "meta.db"
BLOBS = "blobs/"


def juicefs_program() -> str | None:
    """Return the path of the JuiceFS binary beside this Python, or on the PATH."""
    return shutil.which("juicefs", path=sysconfig.get_path("scripts")) or shutil.which("juicefs")


def juicefs_database(folder: Path) -> str:
    """Return the URL of all it keeps but the bytes: Badger, with which small calls take half as long as with SQLite.

    A folder with SQLite's file in it, as all were made once, goes on with that.

    https://juicefs.com/docs/community/databases_for_metadata/
    """
    return f"sqlite3://{SQLITE_FILE}" if (folder / SQLITE_FILE).exists() else DATABASE


def juicefs_format(program: str, folder: Path) -> None:
    """Make an empty store in the folder, once.

    Raises:
        EmbeddedS3Error: the program cannot be run, or cannot use the folder.
    """
    done = folder / "formatted"
    if done.exists():
        return
    kept = ("--storage", "file", "--bucket", BLOBS, "--trash-days", "0")
    command = [program, "format", *kept, juicefs_database(folder), "embedded"]
    try:
        subprocess.run(command, cwd=folder, umask=UMASK, capture_output=True, check=True)  # noqa: S603 - no shell
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()[-300:]
        raise EmbeddedS3Error(f"The embedded S3 cannot use {folder}: {said}") from error
    except OSError as error:
        raise EmbeddedS3Error(f"The embedded S3 cannot be run: {error}") from error
    done.touch(mode=0o600)


def juicefs_command(program: str, identity: Identity, folder: Path) -> list[str]:
    """Return the command that serves the folder, in which it has to run."""
    # Without keep-etag, object-meta and object-tag it forgets ETags, metadata and content types.
    return [
        *(program, "gateway", juicefs_database(folder), f"{identity.address}:{identity.port}"),
        *("--bucket", BLOBS, "--multi-buckets"),
        *("--keep-etag", "--object-meta", "--object-tag", "--no-usage-report", "--no-banner", "--backup-meta", "0"),
        *("--cache-dir", "cache", "--cache-size", "0", "--metrics", f"{LOOPBACK}:{free_port()}"),
    ]


def juicefs_environment(identity: Identity, folder: Path) -> dict[str, str]:
    """Return the variables with which the gateway knows its keys, and leaves the user's own folder alone."""
    return {
        "HOME": str(folder),  # It makes ~/.minio, and takes to TLS if it finds certificates there.
        "MINIO_ROOT_USER": identity.access_key_id,
        "MINIO_ROOT_PASSWORD": identity.secret_access_key,
    }
