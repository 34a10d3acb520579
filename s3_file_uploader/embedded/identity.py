"""The port and the keys of an embedded S3: they survive restarts, so that presigned URLs and clients stay valid."""

import fcntl
import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from .ports import LOOPBACK, free_port
from .private_files import create_folder, open_private

NAME = "identity.json"


@dataclass(frozen=True, slots=True)
class Identity:
    """The address on which the store listens, or did last, and its one pair of keys."""

    port: int
    access_key_id: str
    secret_access_key: str
    address: str = LOOPBACK


def read_identity(folder: Path) -> Identity:
    """Return the identity of the store in this folder; the first call creates it.

    Raises:
        EmbeddedS3Error: the folder cannot be created.
    """
    if not (folder / NAME).exists():
        _create(folder)
    return Identity(**json.loads((folder / NAME).read_text()))


def write_identity(folder: Path, identity: Identity) -> None:
    """Replace the whole file at once, so that a reader sees either the old or the new identity."""
    with open_private(folder / "identity.new", truncate=True) as file:
        file.write(json.dumps(asdict(identity)).encode())
    (folder / "identity.new").replace(folder / NAME)


def _create(folder: Path) -> None:
    create_folder(folder)
    with open_private(folder / "identity.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Several processes may come first; one of them creates it.
        if not (folder / NAME).exists():
            write_identity(folder, Identity(free_port(), secrets.token_hex(10), secrets.token_hex(20)))
