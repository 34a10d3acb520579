"""What the embedded S3 keeps from one start to the next, so that presigned URLs and clients stay valid."""

import fcntl
import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from .ports import LOOPBACK, free_port
from .private_files import opened

NAME = "identity.json"


@dataclass(frozen=True, slots=True)
class Identity:
    """Where it listens, or did last, and the one pair of keys it knows."""

    port: int
    access_key_id: str
    secret_access_key: str
    address: str = LOOPBACK


def identity_of(folder: Path) -> Identity:
    """Return the identity of the store in this folder, made and written down on first use."""
    if not (folder / NAME).exists():
        _make(folder)
    return Identity(**json.loads((folder / NAME).read_text()))


def identity_write(folder: Path, identity: Identity) -> None:
    """Replace it as a whole: whoever reads meanwhile sees the old one or the new."""
    with opened(folder / "identity.new", truncate=True) as file:
        file.write(json.dumps(asdict(identity)).encode())
    (folder / "identity.new").replace(folder / NAME)


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with opened(folder / "identity.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Of several processes that come first, one makes it.
        if not (folder / NAME).exists():
            identity_write(folder, Identity(free_port(), secrets.token_hex(10), secrets.token_hex(20)))
