"""`manage.py s3_scan`: scan the files that wait in quarantine, every few minutes, on any host."""

import sys
from dataclasses import asdict
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser

from ... import services
from ...services.reports import Finding, Outcome
from ..progress import Bars

EACH = 2
INCOMPLETE = "Some of it has to wait for the next run; the log says why."


class Command(BaseCommand):
    """Run once; cron or a timer repeats it."""

    help = (
        "Scans the files that wait in quarantine: those that are clean can be read from then on, the infected are "
        "removed. Safe beside the running service and on several hosts at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether anything is to be done."""
        parser.add_argument("--dry-run", action="store_true", help="Say which files wait; scan none.")

    def handle(self, *args: Any, dry_run: bool, verbosity: int, **options: Any) -> None:
        """Print what was found, one figure a line.

        Raises:
            CommandError: a scanner or S3 could not be asked; the log says what, and so do the records.
        """
        with Bars(sys.stderr, shown=verbosity > 0) as bars:

            def tell(finding: Finding) -> None:
                if verbosity >= EACH:
                    with bars.set_aside():
                        self.stdout.write(_line(finding))

            done = services.waiting_scan(dry_run=dry_run, on_finding=tell, on_progress=bars)
        if verbosity:
            for name, figure in asdict(done).items():
                self.stdout.write(f"{_words(name)}: {figure}")
        if not done.is_complete:
            raise CommandError(INCOMPLETE)


def _line(finding: Finding) -> str:
    """Return what a terminal may show: the key is quoted, for it may hold anything."""
    outcome = "waits" if finding.outcome == Outcome.NOTHING else _words(finding.outcome)
    return f"{finding.bucket}/{finding.file_name!r}: {outcome}"


def _words(name: str) -> str:
    return name.replace("_", " ")
