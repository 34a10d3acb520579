"""Ways to upload a file from a client to S3: as a command of curl, and as a request over a kept connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import httpx

from .curl import Command, headers
from .servers import OURS, RIVALS, SERVICE, Server, served, warmed
from .stage import Stage
from .store import BUCKET

CONTENT_TYPE = "application/octet-stream"
WARM_UP_REQUESTS = 8


class Way(Protocol):
    """A way to upload. `wsgi` is the module of its server, or None without a server in between."""

    @property
    def key(self) -> str:
        """The short name."""

    @property
    def name(self) -> str:
        """The name in tables."""

    @property
    def wsgi(self) -> str | None:
        """The module of the application."""

    def command(self, stage: Stage, server: Server, file: Path, key: str) -> Command:
        """Return the curl that uploads a file."""

    def request(self, stage: Stage, server: Server, content: bytes, key: str) -> httpx.Request:
        """Return the request that uploads a few bytes."""


@dataclass(frozen=True)
class DirectWay:
    """Upload with a presigned PUT, directly to the store."""

    key: str = "floor"
    name: str = "floor: presigned PUT to the store"
    wsgi: str | None = None

    def command(self, stage: Stage, server: Server, file: Path, key: str) -> Command:
        """Return a curl that sends the file."""
        trust = ("--cacert", str(stage.certificate)) if stage.certificate else ()
        return Command((*trust, "--upload-file", str(file), stage.presigned("put_object", key)))

    def request(self, stage: Stage, server: Server, content: bytes, key: str) -> httpx.Request:
        """Return a request with the bytes as the body."""
        return httpx.Request("PUT", stage.presigned("put_object", key), content=content)


@dataclass(frozen=True)
class RawWay:
    """Upload with the file as the body of the request."""

    key: str = "raw"
    name: str = "ours: raw PUT"
    wsgi: str | None = OURS

    def command(self, stage: Stage, server: Server, file: Path, key: str) -> Command:
        """Return a curl that sends its standard input.

        With `-T FILE`, curl would append the name of the file to the URL.
        """
        sent = {**_raw_headers(stage), "Content-Length": str(file.stat().st_size), "Transfer-Encoding": ""}
        return Command((*headers(sent), "--upload-file", "-", _raw_url(server, key)), file)

    def request(self, stage: Stage, server: Server, content: bytes, key: str) -> httpx.Request:
        """Return a request with the bytes as the body."""
        return httpx.Request("PUT", _raw_url(server, key), headers=_raw_headers(stage), content=content)


@dataclass(frozen=True)
class FormWay:
    """Upload with form-data, the fields before the file."""

    key: str
    name: str
    wsgi: str | None
    path: str

    def command(self, stage: Stage, server: Server, file: Path, key: str) -> Command:
        """Return a curl that sends the form."""
        fields = [f"{name}={value}" for name, value in _fields(key).items()]
        form = (part for field in (*fields, f"file=@{file}") for part in ("--form", field))
        return Command((*headers(stage.authorization), *form, server.url + self.path))

    def request(self, stage: Stage, server: Server, content: bytes, key: str) -> httpx.Request:
        """Return a request with the form. httpx puts the fields first."""
        file = {"file": (key, content, CONTENT_TYPE)}
        return httpx.Request("POST", server.url + self.path, headers=stage.authorization, data=_fields(key), files=file)


FLOOR = DirectWay()
FORM = FormWay("form", "ours: form-data", OURS, f"{SERVICE}file/upload/")
RAW = RawWay()
NAIVE = FormWay("naive", "naive: read whole, upload_fileobj", RIVALS, "/naive/upload/")
WHOLE = FormWay("whole", "naive: read whole, put_object", RIVALS, "/whole/upload/")
STORAGES = FormWay("storages", "django-storages: S3Storage.save", RIVALS, "/storages/upload/")


@contextmanager
def warm(way: Way, stage: Stage, *, for_large: bool = True) -> Iterator[Server]:
    """Serve after a warm-up: first with small files at once, so that every thread is ready, then with a larger file.

    Args:
        way: the way to upload.
        stage: the stage.
        for_large: whether large files will be measured. Otherwise the larger file is left out.
    """
    with served(way.wsgi, stage.environment, folder=stage.folder) as server:
        command = partial(way.command, stage, server)
        small, large = stage.small_warm_up_file(), stage.large_warm_up_file()
        yield warmed(
            server,
            [command(small, f"warm-up-{way.key}-{number}") for number in range(WARM_UP_REQUESTS)],
            [command(large, f"warm-up-{way.key}")] if for_large else [],
        )


def _fields(key: str) -> dict[str, str]:
    return {"bucket": BUCKET, "overwrite": "true", "file_name": key}


def _raw_url(server: Server, key: str) -> str:
    return f"{server.url}{SERVICE}buckets/{BUCKET}/files/{key}/?overwrite=true"


def _raw_headers(stage: Stage) -> dict[str, str]:
    return {**stage.authorization, "Content-Type": CONTENT_TYPE}
