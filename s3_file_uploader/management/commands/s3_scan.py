"""`manage.py s3_scan`: scan the files in quarantine. Run it every few minutes on any host."""

import sys
from dataclasses import asdict
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser

from ... import services
from ...services.reports import Finding, Outcome
from ..progress import ProgressBars, spell_out

EACH = 2
INCOMPLETE = "Some files have to wait for the next run. The log says why."


class Command(BaseCommand):
    """Scan once. A timer such as cron repeats the command."""

    help = (
        "Scans the files in quarantine. Users can read the clean files afterwards, and the infected files are removed. "
        "Safe beside the running service and on several hosts at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the option of a dry run to the parser."""
        parser.add_argument("--dry-run", action="store_true", help="Show which files wait, and scan none.")

    def handle(self, *args: Any, dry_run: bool, verbosity: int, **options: Any) -> None:
        """Scan, and print the report, one figure a line.

        Raises:
            CommandError: a scanner or S3 was unavailable. The log and the records say why.
        """
        with ProgressBars(sys.stderr, shown=verbosity > 0) as bars:

            def print_finding(finding: Finding) -> None:
                if verbosity >= EACH:
                    with bars.set_aside():
                        self.stdout.write(_format_finding(finding))

            report = services.waiting_scan(dry_run=dry_run, on_finding=print_finding, on_progress=bars)
        if verbosity:
            for name, figure in asdict(report).items():
                self.stdout.write(f"{spell_out(name)}: {figure}")
        if not report.is_complete:
            raise CommandError(INCOMPLETE)


def _format_finding(finding: Finding) -> str:
    """Return a line for the terminal. The key is quoted, because it may contain control characters."""
    outcome = "waits" if finding.outcome == Outcome.NOTHING else spell_out(finding.outcome)
    return f"{finding.bucket}/{finding.file_name!r}: {outcome}"
