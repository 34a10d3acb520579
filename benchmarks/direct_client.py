"""A client that uploads to the store itself with curl, as the service instructs it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .curl import Command, curl, headers
from .load import Job, connected, perform
from .servers import SERVICE
from .stage import Stage
from .store import BUCKET
from .upload_ways import CONTENT_TYPE


@dataclass(frozen=True)
class DirectClient:
    """Start, send and complete uploads, and optionally remove them.

    Every request has its own connection, because gunicorn closes a kept one during the time of a large transfer.
    """

    stage: Stage
    address: str

    def put(self, file: Path) -> str:
        """Send the file in one request. Return the id of its record."""
        started = self._start(file, "put")
        transfer = started["transfer"]
        curl(Command((*headers(transfer["headers"]), "--upload-file", str(file), transfer["url"])))
        return self._complete(started)

    def in_parts(self, file: Path, *, in_flight: int) -> str:
        """Send the file in parts, several at once, with one curl. Return the id of its record.

        Each part is a file of its own, because curl cannot send a range of a file. The files are created on first use.
        """
        started = self._start(file, "multipart")
        transfer = started["transfer"]
        sent = zip(self._parts(started), pieces_of(file, transfer["part_size"]), strict=True)
        config = self.stage.folder / "curl.config"
        config.write_text("".join(f'upload-file = "{piece}"\nurl = "{part["url"]}"\n' for part, piece in sent))
        curl(Command(("--parallel", "--parallel-max", str(in_flight), "--fail-early", "--config", str(config))))
        return self._complete(started)

    def remove(self, upload_id: str) -> None:
        """Remove the file and its record."""
        self._perform(Job("DELETE", f"{SERVICE}uploads/{upload_id}/", self.stage.authorization))

    def _start(self, file: Path, strategy: str) -> dict[str, Any]:
        body = {"bucket": BUCKET, "file_name": file.name, "size": file.stat().st_size, "content_type": CONTENT_TYPE}
        return self._asked("uploads/", {**body, "strategy": strategy})

    def _parts(self, started: dict[str, Any]) -> Iterable[dict[str, Any]]:
        """Return all parts: those in the response of the start, and the others from one more request."""
        parts: list[dict[str, Any]] = started["transfer"]["parts"]
        count: int = started["transfer"]["part_count"]
        if len(parts) < count:
            part_range = {"first": len(parts) + 1, "last": count}
            parts = parts + self._asked(f"uploads/{started['id']}/parts/", part_range)["parts"]
        return parts

    def _complete(self, started: dict[str, Any]) -> str:
        return str(self._asked(f"uploads/{started['id']}/complete/", {})["id"])

    def _asked(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        sent = {**self.stage.authorization, "Content-Type": "application/json"}
        answer: dict[str, Any] = json.loads(self._perform(Job("POST", SERVICE + path, sent, json.dumps(body))))
        return answer

    def _perform(self, job: Job) -> bytes:
        with connected(self.address) as connection:
            return perform(connection, job)


def pieces_of(file: Path, piece_bytes: int) -> list[Path]:
    """Return the parts of the file as files beside it, created on first use."""
    folder = file.with_name(f"{file.name}.{piece_bytes}")
    if not folder.exists():
        folder.mkdir()
        for number, piece in enumerate(_read(file, piece_bytes)):
            (folder / f"{number:05}").write_bytes(piece)
    return sorted(folder.iterdir())


def _read(file: Path, piece_bytes: int) -> Iterator[bytes]:
    with file.open("rb") as whole:
        while piece := whole.read(piece_bytes):
            yield piece
