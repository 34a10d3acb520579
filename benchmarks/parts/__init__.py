"""The parts by the name that `ONLY` takes. Each has a module of the same name, except `concurrent`."""

from collections.abc import Callable
from pathlib import Path

from ..options import Options
from ..results import Result
from . import (
    asgi,
    at_once,
    client,
    direct,
    download,
    growth,
    housekeeping,
    listing,
    load,
    multipart,
    signing,
    slow,
    small,
    storage,
    upload,
)

PARTS: dict[str, Callable[[Path, Options], Result]] = {
    "upload": upload.measure,
    "concurrent": at_once.measure,
    "asgi": asgi.measure,
    "slow": slow.measure,
    "download": download.measure,
    "direct": direct.measure,
    "multipart": multipart.measure,
    "client": client.measure,
    "small": small.measure,
    "signing": signing.measure,
    "listing": listing.measure,
    "housekeeping": housekeeping.measure,
    "growth": growth.measure,
    "load": load.measure,
    "storage": storage.measure,
}
