"""`manage.py s3_housekeeping`: make records, objects and parts agree. Run it every few minutes on any host."""

import json
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from ... import services
from ...conf import conf
from ...services.reports import ComparisonReport, Finding, Outcome
from ..arguments import HousekeepingOptions, add_arguments, parse_options
from ..next_steps import NO_BUCKET, advise
from ..progress import ProgressBars, spell_out

INCOMPLETE = "Some work has to wait for the next run. The log says why."
EACH = 2


class Command(BaseCommand):
    """Run housekeeping once. A timer such as cron repeats the command."""

    help = (
        "Finishes or rolls back uploads and deletions that a crash interrupted, aborts their multipart uploads, and "
        "deletes expired Idempotency-Keys, upload tokens, share links and audit events. With --compare it also finds "
        "objects without a record and records without an object. Safe beside the running service and on several "
        "hosts at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options of `arguments.py` to the parser."""
        add_arguments(parser)

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        """Run, and print the report, one figure a line, then the advice.

        Raises:
            CommandError: the options contradict each other, or some work has to wait. The log says why.
        """
        parsed = parse_options(options)
        try:
            with (
                Path(parsed.report).open("w", encoding="utf-8") if parsed.report else nullcontext() as file,
                ProgressBars(sys.stderr, shown=verbosity > 0) as bars,
            ):
                is_complete = _Run(self, parsed, verbosity, file, bars).run()
        except OSError as error:
            raise CommandError(str(error)) from error
        if not is_complete:
            raise CommandError(INCOMPLETE)


@dataclass(frozen=True, slots=True)
class _Run:
    """Call the services in order, and report each finding."""

    command: BaseCommand
    options: HousekeepingOptions
    verbosity: int
    file: TextIO | None
    bars: ProgressBars

    def run(self) -> bool:
        """Return True if no work has to wait for the next run."""
        options, buckets = self.options, self.options.buckets
        report = services.housekeeping_run(
            abort_multipart_older_than=options.abort_multipart_older_than,
            buckets=buckets,
            dry_run=options.dry_run,
            on_finding=self._report_finding,
            on_progress=self.bars,
        )
        self._print_figures(asdict(report))
        comparisons = [self._compare(bucket) for bucket in buckets]
        is_scanned = self._scan() if conf.scanner_paths else True
        if options.compared_buckets is not None and not comparisons:
            self._print(NO_BUCKET)
        for advice in advise(report, comparisons, options.repairs, dry_run=options.dry_run):
            self._print(advice)
        return report.is_complete and is_scanned and all(comparison.is_complete for comparison in comparisons)

    def _scan(self) -> bool:
        self.bars.prefix = ""
        report = services.waiting_scan(
            dry_run=self.options.dry_run, on_finding=self._report_finding, on_progress=self.bars
        )
        self._print_figures(asdict(report))
        return report.is_complete

    def _compare(self, bucket: str) -> ComparisonReport:
        self.bars.prefix = f"{bucket}: "
        report = services.bucket_compare(
            bucket=bucket,
            repairs=self.options.repairs,
            dry_run=self.options.dry_run,
            on_finding=self._report_finding,
            on_progress=self.bars,
        )
        figures = {name: value for name, value in asdict(report).items() if name not in ("is_whole", "examples")}
        self._print_figures({**figures, "compared_to_the_end": "yes" if report.is_whole else "no"})
        return report

    def _print_figures(self, figures: Mapping[str, object]) -> None:
        for name, figure in figures.items():
            self._print(f"{spell_out(name)}: {figure}")

    def _report_finding(self, finding: Finding) -> None:
        if self.file:
            line = {"dry_run": self.options.dry_run, **asdict(finding)}
            print(json.dumps(line, cls=DjangoJSONEncoder), file=self.file, flush=True)
        if self.verbosity >= EACH:
            self._print(self._format_finding(finding))

    def _format_finding(self, finding: Finding) -> str:
        """Return a line for the terminal. The key is quoted, because it may contain control characters."""
        place = repr(f"{finding.bucket}/{finding.file_name}")
        outcome = "" if finding.outcome == Outcome.NOTHING else f": {spell_out(finding.outcome)}"
        return f"{'dry run: ' if self.options.dry_run else ''}{spell_out(finding.kind)} {place}{outcome}"

    def _print(self, line: str) -> None:
        if self.verbosity:
            with self.bars.set_aside():
                self.command.stdout.write(line)
