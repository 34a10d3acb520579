"""`manage.py s3_doctor`: examine the installation on one screen, and say what to do."""

import json
import shutil
import sys
from dataclasses import asdict
from typing import Any

from django.core.management import BaseCommand
from django.core.management.base import CommandParser

from ... import services
from ...services.doctor.findings import DoctorReport
from ..doctor_screen import DoctorScreen, summarize


class Command(BaseCommand):
    """Examine settings, database, store, bucket and what runs beside the service; exit with 1 after a failure."""

    help = (
        "Examines settings, keys, clocks, the store, a bucket and its rights and abilities, the database, the cache, "
        "scanners, housekeeping and proxies. Prints what is wrong and what to do. Writes scratch objects into the "
        "bucket and removes them. The exit status is 1 if something does not work."
    )
    requires_system_checks = ()  # The doctor prints their messages itself.

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the bucket, the address and the actions to the parser."""
        parser.add_argument(
            "bucket", nargs="?", default="", help="By default the first one that settings or records name."
        )
        parser.add_argument("--url", help="Address of the service or its site as clients reach it: https://host.")
        parser.add_argument("--fix", action="store_true", help="Set missing CORS and lifecycle rules.")
        parser.add_argument("--json", action="store_true", help="Print JSON.")

    def handle(self, *args: Any, bucket: str, url: str | None, **options: Any) -> None:
        """Print each diagnosis as soon as it is made, then what to do first.

        Raises:
            SystemExit: something does not work; the status is 1.
        """
        if options["json"]:
            report = services.doctor_examine(bucket=bucket, address=url, fixes=options["fix"])
            self.stdout.write(_format_json(report))
        else:
            screen = DoctorScreen(self.stdout, self.style, shutil.get_terminal_size().columns)
            report = services.doctor_examine(bucket=bucket, address=url, fixes=options["fix"], on_diagnosis=screen.show)
            screen.end(report)
        if not report.is_well:
            sys.exit(1)


def _format_json(report: DoctorReport) -> str:
    diagnoses = [
        {name: value for name, value in asdict(diagnosis).items() if name != "blocks"} for diagnosis in report.diagnoses
    ]
    return json.dumps({"is_well": report.is_well, "summary": summarize(report), "diagnoses": diagnoses}, indent=2)
