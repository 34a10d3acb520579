"""Store, find and read files through a storage of Django in one process, and print the cost of each task."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile, File
from django.core.management import BaseCommand
from django.core.management.base import CommandParser

from benchmarks.meters import Meter, memory_mib
from benchmarks.rivals.storage import storage_make
from benchmarks.store import BUCKET
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.storage import UploadStorage

SMALL_BYTES = 10_000
CHUNK_BYTES = 64 * 1024


class Command(BaseCommand):
    """The command runs in its own process, so that its CPU time and memory are those of one storage."""

    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the contender, the number of small files and the large file to the parser."""
        parser.add_argument("who", choices=("ours", "storages"))
        parser.add_argument("files", type=int)
        parser.add_argument("large", type=Path)

    def handle(self, *args: Any, who: str, files: int, large: Path, **options: Any) -> None:
        """Warm up with each task, then do each task for all files."""
        storage: Any = UploadStorage(bucket=BUCKET) if who == "ours" else storage_make()
        counter = _count_requests(who, storage)
        small = os.urandom(SMALL_BYTES)
        names = [storage.save(f"warm/{number}.bin", ContentFile(small)) for number in range(8)]
        for task in (storage.exists, storage.url, _reader(storage)):
            for name in names:
                task(name)
        idle_mib = memory_mib(os.getpid())
        figures: dict[str, float] = {}

        @contextmanager
        def measured(task: str, count: int) -> Iterator[None]:
            meter, before = Meter([os.getpid()], idle_mib=idle_mib), counter[0]
            yield
            reading = meter.read()
            figures[f"{task}_ms"] = reading.wall_seconds * 1000 / count
            figures[f"{task}_cpu_ms"] = (reading.cpu_seconds or 0) * 1000 / count
            figures[f"{task}_mib"] = max(reading.memory_mib or 0, 0)
            figures[f"{task}_requests"] = (counter[0] - before) / count

        with measured("save", files):
            names = [storage.save(f"small/{number}.bin", ContentFile(small)) for number in range(files)]
        for task, call in (("exists", storage.exists), ("url", storage.url), ("read", _reader(storage))):
            with measured(task, files):
                for name in names:
                    call(name)
        with measured("large_save", 1), large.open("rb") as file:
            name = storage.save("large.bin", File(file))
        with measured("large_head", 1), storage.open(name) as opened:
            opened.read(CHUNK_BYTES)
        with measured("large_read", 1):
            _reader(storage)(name)
        self.stdout.write(json.dumps(figures))


def _reader(storage: Any) -> Callable[[str], None]:
    def read(name: str) -> None:
        with storage.open(name) as file:
            while file.read(CHUNK_BYTES):
                pass

    return read


def _count_requests(who: str, storage: Any) -> list[int]:
    """Return a list with the number of requests to the store, which grows."""
    counted = [0]

    def count(**kwargs: Any) -> None:
        counted[0] += 1

    clients = [get_client(), get_client(signed_payload=False)] if who == "ours" else [storage.connection.meta.client]
    for client in clients:
        client.meta.events.register("before-send.s3", count)
    return counted
