"""Compare a bucket with its records once, and print the cost."""

import json
import os
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser

from benchmarks.meters import Meter
from benchmarks.rows import HALF, RARE
from s3_file_uploader.services import bucket_compare


class Command(BaseCommand):
    """The command runs in its own process, so that its memory is that of the comparison."""

    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the expected number to the parser."""
        parser.add_argument("records", type=int)
        parser.add_argument("gone", type=int)

    def handle(self, *args: Any, records: int, gone: int, **options: Any) -> None:
        """Compare a small bucket first, so that everything that is loaded on first use does not count.

        Raises:
            CommandError: the comparison had another result.
        """
        bucket_compare(bucket=RARE)
        meter = Meter([os.getpid()])
        report = bucket_compare(bucket=HALF)
        reading = meter.read()
        counts = (report.objects_compared, report.records_compared, report.records_without_object)
        if counts != (records - gone, records, gone) or not report.is_complete:
            raise CommandError(f"objects, records and records without object are {counts}")
        figures = {
            "seconds": reading.wall_seconds,
            "cpu_seconds": reading.cpu_seconds,
            "memory_mib": reading.memory_mib,
        }
        self.stdout.write(json.dumps(figures))
