"""Fill a bucket with the files of another storage, adopt them, and print the cost of the adoption."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser

from benchmarks.meters import Meter
from benchmarks.store import BUCKET
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import Repairs, bucket_compare
from s3_file_uploader.storage import UploadStorage

BYTES_A_FILE = 10_000
AT_ONCE = 8


class Command(BaseCommand):
    """The command runs in its own process, so that its memory is that of the adoption."""

    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the number of files to the parser."""
        parser.add_argument("files", type=int)

    def handle(self, *args: Any, files: int, **options: Any) -> None:
        """Adopt one file first, so that everything that is loaded on first use does not count.

        Raises:
            CommandError: the adoption had another result.
        """
        owner = get_user_model()._default_manager.earliest("pk")
        _fill(range(1))
        bucket_compare(bucket=BUCKET, repairs=Repairs(adopt_for=owner))
        _fill(range(1, files + 1))
        meter = Meter([os.getpid()])
        report = bucket_compare(bucket=BUCKET, repairs=Repairs(adopt_for=owner))
        reading = meter.read()
        if report.objects_adopted != files or not report.is_complete:
            raise CommandError(f"{report.objects_adopted} of {files} were adopted")
        storage = UploadStorage(bucket=BUCKET, adopted_prefix="media/")
        if storage.size(f"avatars/{files}.bin") != BYTES_A_FILE:
            raise CommandError("an adopted file is not found under its name")
        figures = {
            "seconds": reading.wall_seconds,
            "cpu_seconds": reading.cpu_seconds,
            "memory_mib": reading.memory_mib,
        }
        self.stdout.write(json.dumps(figures))


def _fill(numbers: range) -> None:
    body = os.urandom(BYTES_A_FILE)

    def put(number: int) -> None:
        get_client().put_object(Bucket=BUCKET, Key=f"media/avatars/{number}.bin", Body=body)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(put, numbers))
