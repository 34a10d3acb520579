"""`manage.py s3_housekeeping`: make records, objects and parts agree again, every few minutes, on any host."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser

from ... import services


class Command(BaseCommand):
    """Run once; cron or a timer repeats it."""

    help = (
        "Finishes or undoes uploads and deletions that a crash left half-way, aborts their multipart uploads, and "
        "forgets old Idempotency-Keys and upload tokens. Safe beside the running service and on several hosts at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to do with the multipart uploads of others."""
        parser.add_argument(
            "--abort-multipart-older-than",
            type=float,
            metavar="HOURS",
            help="Also abort multipart uploads without a record, whoever began them, if they are older than this.",
        )

    def handle(self, *args: Any, abort_multipart_older_than: float | None, **options: Any) -> None:
        """Print what was done, one figure a line.

        Raises:
            CommandError: something could not be mended now; the log says what and why.
        """
        hours = abort_multipart_older_than
        report = services.housekeeping_run(abort_multipart_older_than=None if hours is None else timedelta(hours=hours))
        for name, count in asdict(report).items():
            self.stdout.write(f"{name.replace('_', ' ')}: {count}")
        if not report.is_complete:
            raise CommandError("Some of it has to wait for the next run; the log says why.")
