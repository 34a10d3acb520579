"""The screen of `s3_doctor`: groups, aligned columns, colours on a terminal, and a last line that says what to do."""

import textwrap
from typing import Any

from ..services.doctor.findings import Diagnosis, DoctorReport, Status, count

STATUS_WIDTH, NAME_WIDTH = 8, 17
INDENT = " " * (STATUS_WIDTH + NAME_WIDTH)
MIN_WIDTH, MAX_WIDTH = 60, 100
ARROW = "-> "
LONGEST_ADVICE = 120
WORDS = {Status.OK: "ok", Status.WARNING: "warning", Status.FAILURE: "FAILURE", Status.NOT_TRIED: "-"}


class DoctorScreen:
    """Writes each diagnosis when it is made; what was not tried follows in one line for each cause."""

    def __init__(self, stdout: Any, style: Any, width: int) -> None:
        """Take the output and the style of the command, and the columns of the terminal."""
        self._stdout, self._width = stdout, min(max(width, MIN_WIDTH), MAX_WIDTH)
        self._styles = {
            Status.OK: style.SUCCESS,
            Status.WARNING: style.WARNING,
            Status.FAILURE: style.ERROR,
            Status.NOT_TRIED: style.HTTP_INFO,
        }
        self._heading, self._group = style.MIGRATE_HEADING, ""
        self._not_tried: dict[str, list[str]] = {}

    def show(self, diagnosis: Diagnosis) -> None:
        """Write a diagnosis, below its heading."""
        if diagnosis.group != self._group:
            self._end_group()
            self._group = diagnosis.group
            self._stdout.write(self._heading(diagnosis.group))
        if diagnosis.status == Status.NOT_TRIED:
            self._not_tried.setdefault(diagnosis.seen, []).append(diagnosis.name)
        else:
            self._write(diagnosis.status, diagnosis.name, diagnosis.seen, diagnosis.advice)

    def end(self, report: DoctorReport) -> None:
        """Write the summary."""
        self._end_group()
        self._stdout.write("")
        worst = next((status for status in (Status.FAILURE, Status.WARNING) if report.counts[status]), Status.OK)
        for line in textwrap.wrap(summarize(report), self._width, break_long_words=False, break_on_hyphens=False):
            self._stdout.write(self._styles[worst](line))

    def _end_group(self) -> None:
        for cause, names in self._not_tried.items():
            self._write(Status.NOT_TRIED, "not tried", f"{', '.join(names)} ({cause})", "")
        self._not_tried.clear()

    def _write(self, status: Status, name: str, seen: str, advice: str) -> None:
        first, *rest = self._wrap(seen, "")
        word = self._styles[status](WORDS[status].ljust(STATUS_WIDTH))
        self._stdout.write(f"{word}{name:<{NAME_WIDTH}}{first}")
        for line in [*rest, *(self._wrap(advice, ARROW) if advice else [])]:
            self._stdout.write(f"{INDENT}{line}")

    def _wrap(self, text: str, start: str) -> list[str]:
        return textwrap.wrap(
            text,
            self._width - len(INDENT),
            initial_indent=start,
            subsequent_indent=" " * len(start),
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]


def summarize(report: DoctorReport) -> str:
    """Return how many diagnoses of each kind there are, and what to do first."""
    counts, first = report.counts, report.first_to_treat
    numbers = [count(counts[status], status.value) for status in (Status.FAILURE, Status.WARNING) if counts[status]]
    numbers += [f"{counts[Status.NOT_TRIED]} not tried"] if counts[Status.NOT_TRIED] else []
    told = ", ".join([*numbers, f"{counts[Status.OK]} ok"])
    if first is None:
        return f"{told}. Nothing to do."
    advice = first.advice if len(first.advice) <= LONGEST_ADVICE else "See above what to do."
    return f"{told}. First: {first.name}. {advice}"
