"""`manage.py s3_housekeeping`: make records, objects and parts agree again, every few minutes, on any host."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from ... import services
from ...conf import conf
from ...services.reports import ComparisonReport, Finding, Outcome
from ..arguments import Wanted, arguments_add, wanted_of
from ..next_steps import NO_BUCKET, advice
from ..progress import Bars

INCOMPLETE = "Some of it has to wait for the next run; the log says why."
EACH = 2


class Command(BaseCommand):
    """Run once; cron or a timer repeats it."""

    help = (
        "Finishes or undoes uploads and deletions that a crash left half-way, aborts their multipart uploads, and "
        "forgets old Idempotency-Keys, upload tokens, share links and audit events. With --compare it also looks for "
        "objects without a record and records without an object. Safe beside the running service and on several "
        "hosts at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is to be looked at, and what is to be mended."""
        arguments_add(parser)

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        """Print what was done, one figure a line, then what to do next.

        Raises:
            CommandError: the options contradict each other, or something could not be done now; the log says what.
        """
        wanted = wanted_of(options)
        try:
            with _opened(wanted.report) as file, Bars(sys.stderr, shown=verbosity > 0) as bars:
                is_complete = _Run(self, wanted, verbosity, file, bars).run()
        except OSError as error:
            raise CommandError(str(error)) from error
        if not is_complete:
            raise CommandError(INCOMPLETE)


@dataclass(frozen=True, slots=True)
class _Run:
    """The services in their order, and where each thing is told that they find."""

    command: BaseCommand
    wanted: Wanted
    verbosity: int
    file: TextIO | None
    bars: Bars

    def run(self) -> bool:
        """Return whether all was done."""
        wanted, buckets = self.wanted, self.wanted.buckets
        done = services.housekeeping_run(
            abort_multipart_older_than=wanted.abort_multipart_older_than,
            buckets=buckets,
            dry_run=wanted.dry_run,
            on_finding=self._tell,
            on_progress=self.bars,
        )
        self._figures(asdict(done))
        compared = [self._compared(bucket) for bucket in buckets]
        is_scanned = self._scan() if conf.scanner_paths else True
        if wanted.compared is not None and not compared:
            self._print(NO_BUCKET)
        for words in advice(done, compared, wanted.repairs, dry_run=wanted.dry_run):
            self._print(words)
        return done.is_complete and is_scanned and all(report.is_complete for report in compared)

    def _scan(self) -> bool:
        self.bars.about = ""
        scanned = services.waiting_scan(dry_run=self.wanted.dry_run, on_finding=self._tell, on_progress=self.bars)
        self._figures(asdict(scanned))
        return scanned.is_complete

    def _compared(self, bucket: str) -> ComparisonReport:
        self.bars.about = f"{bucket}: "
        report = services.bucket_compare(
            bucket=bucket,
            repairs=self.wanted.repairs,
            dry_run=self.wanted.dry_run,
            on_finding=self._tell,
            on_progress=self.bars,
        )
        figures = {name: value for name, value in asdict(report).items() if name not in ("is_whole", "examples")}
        self._figures({**figures, "compared_to_the_end": "yes" if report.is_whole else "no"})
        return report

    def _figures(self, figures: Mapping[str, object]) -> None:
        for name, figure in figures.items():
            self._print(f"{_words(name)}: {figure}")

    def _tell(self, finding: Finding) -> None:
        if self.file:
            line = {"dry_run": self.wanted.dry_run, **asdict(finding)}
            print(json.dumps(line, cls=DjangoJSONEncoder), file=self.file, flush=True)
        if self.verbosity >= EACH:
            self._print(self._line(finding))

    def _line(self, finding: Finding) -> str:
        """Return what a terminal may show: the key is quoted, for it may hold anything."""
        place = repr(f"{finding.bucket}/{finding.file_name}")
        outcome = "" if finding.outcome == Outcome.NOTHING else f": {_words(finding.outcome)}"
        return f"{'dry run: ' if self.wanted.dry_run else ''}{_words(finding.kind)} {place}{outcome}"

    def _print(self, line: str) -> None:
        if self.verbosity:
            with self.bars.set_aside():
                self.command.stdout.write(line)


def _words(name: str) -> str:
    return name.replace("_", " ")


@contextmanager
def _opened(path: str | None) -> Iterator[TextIO | None]:
    """Open the file of findings, if one is wanted; what was there before is gone."""
    if path is None:
        yield None
        return
    with Path(path).open("w", encoding="utf-8") as file:
        yield file
